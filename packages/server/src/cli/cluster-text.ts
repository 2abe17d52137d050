/** Status and members as people read them. */
import {
  evictionToJSON,
  type GroupStatus,
  type Member,
  memberRoleToJSON,
  roleToJSON,
  type StatusResponse,
} from '@cashe/proto';
import { table } from './table.js';

/** What a member answered, or why it did not. */
export interface NodeReport {
  readonly nodeId: string;
  readonly clientAddress: string;
  readonly answer: StatusResponse | { readonly error: string };
}

const statusHead = [
  'NODE',
  'CLIENTS',
  'STATE',
  'TERM',
  'COMMIT',
  'APPLIED',
  'ENTRIES',
  'BYTES',
  'EVICTED',
  'EXPIRED',
  'DIGEST',
];

export function statusText(reports: readonly NodeReport[]): string {
  const severalGroups = reports.some((one) => groupsOf(one).length > 1);
  const rows = reports.flatMap((report) => {
    const groups = groupsOf(report);
    const named = (group: GroupStatus): string =>
      severalGroups ? `${report.nodeId}/${group.group}` : report.nodeId;
    if (groups.length === 0) return [[report.nodeId, report.clientAddress, idleState(report)]];
    return groups.map((group) => [named(group), ...groupCells(report, group)]);
  });
  return `${summary(reports)}\n\n${table(statusHead, rows)}`;
}

function groupsOf({ answer }: NodeReport): readonly GroupStatus[] {
  return 'error' in answer ? [] : answer.groups;
}

/** Of a node without a replica. */
function idleState({ answer }: NodeReport): string {
  if ('error' in answer) return 'no answer';
  return answer.waitingFor === '' ? 'no replica' : 'waiting';
}

function groupCells({ clientAddress, answer }: NodeReport, group: GroupStatus): string[] {
  const waiting = 'error' in answer ? '' : answer.waitingFor;
  const numbers = [
    group.term,
    group.commitIndex,
    group.appliedIndex,
    group.entries,
    group.bytes,
    group.evictions,
    group.expiries,
  ];
  const state = waiting === '' ? word(roleToJSON(group.role), 'ROLE_') : 'waiting';
  return [clientAddress, state, ...numbers.map(String), group.digest];
}

function summary(reports: readonly NodeReport[]): string {
  const answers = reports.flatMap(({ answer }) => ('error' in answer ? [] : [answer]));
  const best = answers.find((one) => one.waitingFor === '') ?? answers[0];
  const lines: string[] = [];
  if (best !== undefined) {
    const leader = leaderOf(answers);
    const who = leader === undefined ? 'no leader known' : `leader ${leader.nodeId}`;
    lines.push(`cluster ${best.clusterId || '(none yet)'}, ${who}, ${reports.length} nodes`);
    lines.push(settingsText(best));
  }
  for (const { nodeId, clientAddress, answer } of reports) {
    if ('error' in answer) lines.push(`${nodeId} (${clientAddress}): ${answer.error}`);
    else if (answer.waitingFor !== '') lines.push(`${nodeId} waits for ${answer.waitingFor}`);
  }
  return lines.join('\n');
}

/** The leader of group 0 in the highest term anybody reports. */
export function leaderOf(
  answers: readonly StatusResponse[],
): { readonly nodeId: string; readonly clientAddress: string } | undefined {
  const known = answers
    .flatMap((answer) => answer.groups.filter((one) => one.group === 0))
    .flatMap(({ leader }) => (leader === undefined || leader.nodeId === '' ? [] : [leader]));
  return known.toSorted((a, b) => b.term - a.term)[0];
}

function settingsText({ cache }: StatusResponse): string {
  if (cache === undefined) return 'settings not known yet';
  const capacity = cache.entriesMax === 0 ? 'none' : String(cache.entriesMax);
  const eviction = word(evictionToJSON(cache.eviction), 'EVICTION_');
  return (
    `capacity ${capacity}, max bytes ${cache.bytesMax}, eviction ${eviction}, ` +
    `replication factor ${cache.replicationFactor}`
  );
}

export function membersText(members: readonly Member[]): string {
  const head = ['NODE', 'CLIENTS', 'PEERS', 'REPLICA', 'ROLE', 'MATCH'];
  const rows = members.map((member) => {
    const part = word(memberRoleToJSON(member.role), 'MEMBER_ROLE_');
    const role = member.leader ? `${part}, leader` : member.leaving ? `${part}, leaving` : part;
    const { nodeId, clientAddress, raftAddress, replicaId, matchIndex } = member;
    return [nodeId, clientAddress, raftAddress, String(replicaId), role, String(matchIndex)];
  });
  return table(head, rows);
}

/** ROLE_PRE_CANDIDATE → pre candidate */
function word(name: string, prefix: string): string {
  return name.replace(prefix, '').replaceAll('_', ' ').toLowerCase();
}
