import type { Configuration, Entry, LogIndex, Message, Term } from '../../src/types.js';
import { jsonCodec } from './fixtures.js';
import type { Node } from './node.js';

/** How a transcript names a replica. */
export type NameOf = (id: number) => string;

/** What a transcript shows of a replica, field by field. */
export type Summary = ReadonlyMap<string, string>;

/** More entries in a message, or of one term in a log, are not shown one by one. */
const shownMax = 10;

const at = (index: LogIndex, term: Term): string => `${index}@${term}`;

const entryMarks = { normal: '', noop: 'n', configuration: 'c' } as const;

/** `a b c`, joint `a d e & a b c`, with learners `a b c + d e`. */
export function describeConfiguration(configuration: Configuration, name: NameOf): string {
  const { voters, votersOutgoing, learners } = configuration;
  const list = (ids: readonly number[]): string => ids.map(name).join(' ');
  const outgoing = votersOutgoing.length > 0 ? ` & ${list(votersOutgoing)}` : '';
  return `${list(voters)}${outgoing}${learners.length > 0 ? ` + ${list(learners)}` : ''}`;
}

function describeEntry(entry: Entry, name: NameOf): string {
  const position = at(entry.index, entry.term) + entryMarks[entry.kind];
  if (entry.kind !== 'configuration') return position;
  return `${position} {${describeConfiguration(jsonCodec.decode(entry.data), name)}}`;
}

function describeEntries(entries: readonly Entry[], name: NameOf): string {
  const items = entries.map((entry) => describeEntry(entry, name));
  if (items.length <= shownMax) return items.join(', ');
  return `${items[0]} … ${items[items.length - 1]}`;
}

function describeAnswer(message: Message): string {
  switch (message.kind) {
    case 'requestVoteResponse': {
      const what = message.preVote ? 'pre-vote' : 'vote';
      const verdict = message.voteGranted ? 'granted' : 'denied';
      return `${what} of term ${message.requestTerm} ${verdict}, term ${message.term}`;
    }
    case 'appendEntriesResponse':
      if (message.success) return `appended to ${message.matchIndex}, term ${message.term}`;
      return (
        `rejected after ${message.prevLogIndex}, ` +
        `hint ${at(message.hintIndex, message.hintTerm)}, term ${message.term}`
      );
    case 'heartbeatResponse':
      return `heartbeat answered, term ${message.term}`;
    case 'installSnapshotResponse':
      return `has everything to ${message.matchIndex}, term ${message.term}`;
    default:
      return message.kind;
  }
}

/** `a -> b AppendEntries …`; requests by the paper's names, answers by what they say. */
export function describeMessage(message: Message, name: NameOf): string {
  const link = `${name(message.from)} -> ${name(message.to)}`;
  switch (message.kind) {
    case 'requestVoteRequest': {
      const what = message.preVote ? 'PreVote' : 'RequestVote';
      const last = at(message.lastLogIndex, message.lastLogTerm);
      const transfer = message.leadershipTransfer ? ' (transfer)' : '';
      return `${link} ${what} term ${message.term} last ${last}${transfer}`;
    }
    case 'appendEntriesRequest': {
      const prev = at(message.prevLogIndex, message.prevLogTerm);
      const entries = describeEntries(message.entries, name);
      return (
        `${link} AppendEntries term ${message.term} prev ${prev} [${entries}] ` +
        `commit ${message.leaderCommit}`
      );
    }
    case 'heartbeatRequest':
      return `${link} Heartbeat term ${message.term} commit ${message.leaderCommit}`;
    case 'installSnapshotRequest': {
      const { lastIncludedIndex, lastIncludedTerm } = message.snapshot;
      const last = at(lastIncludedIndex, lastIncludedTerm);
      return `${link} InstallSnapshot term ${message.term} to ${last}`;
    }
    case 'timeoutNowRequest':
      return `${link} TimeoutNow term ${message.term}`;
    case 'goneNotice':
      return `${link} Gone`;
    default:
      return `${link} ${describeAnswer(message)}`;
  }
}

/** The log as the paper draws it, a term per entry; n is a no-op, c a configuration. */
export function describeLog(node: Node): string {
  const { base, entries } = node.disk;
  const { lastIncludedIndex, lastIncludedTerm } = base;
  const snapshot = lastIncludedIndex > 0 ? [`(${at(lastIncludedIndex, lastIncludedTerm)})`] : [];
  const runs: { term: string; count: number }[] = [];
  for (const { term, kind } of entries) {
    const text = `${term}${entryMarks[kind]}`;
    const last = runs[runs.length - 1];
    if (last?.term === text) last.count += 1;
    else runs.push({ term: text, count: 1 });
  }
  const terms = runs.flatMap(({ term, count }) =>
    count > shownMax ? [`${term}×${count}`] : Array.from({ length: count }, () => term),
  );
  return [...snapshot, ...terms].join(' ') || 'empty';
}

export function summarize(node: Node, name: NameOf): Summary {
  if (node.retired) return new Map([['', 'gone']]);
  const status = node.raft?.status();
  if (status === undefined) return new Map([['', 'down']]);
  const { role, leaderId, votedFor } = status;
  const follows = leaderId === 0 ? '' : ` of ${name(leaderId)}`;
  return new Map([
    ['', role === 'follower' ? `follower${follows}` : role],
    ['term ', String(status.currentTerm)],
    ['vote ', votedFor === 0 ? 'none' : name(votedFor)],
    ['log ', describeLog(node)],
    ['commit ', String(status.commitIndex)],
    ['members ', `{${describeConfiguration(status.configuration, name)}}`],
  ]);
}
