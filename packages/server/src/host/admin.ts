/**
 * Members and leadership (R25, R26), executed on the leader of group 0; access and settings are
 * handed on. What takes more than one entry is recorded in group 0 and driven by `tick`, so that a
 * new leader goes on with it; callers wait here for the result, bounded in number and time.
 */
import { Code, type EntryCommand, FORMAT_VERSION, Outcome } from '@cashe/codec';
import type { NodeRecord } from '@cashe/store';
import { type Caller, IntendedState } from './intended-state.js';
import { memberViews } from './member-views.js';
import { nextMembershipStep, takeMembershipStep } from './membership.js';
import type { AdminAnswer, AdminCall, Clock, Logger } from './ports.js';
import type { Replica } from './replica.js';
import type { CommandResult } from './writes.js';

type AddMember = Extract<AdminCall, { kind: 'addMember' }>;
type Done = (answer: AdminAnswer) => void;

interface Wait {
  readonly deadlineMs: number;
  readonly done: Done;
  /** The answer once there is one. */
  readonly check: () => AdminAnswer | undefined;
  /** Whether losing leadership leaves the outcome open. */
  readonly leaderOnly: boolean;
}

interface AdminParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly clusterId: string;
  readonly genesisRecord: Uint8Array;
  readonly membershipMs: number;
  readonly electionTicks: number;
  readonly tlsOn: boolean;
  /** The replication factor that the cluster was founded with. */
  readonly foundingFactor: number;
  readonly replicas: () => Iterable<Replica>;
}

/** Calls waiting for a result; more are refused. */
const WAITS_MAX = 256;

export class Admin {
  readonly #parts: AdminParts;
  readonly #meta: Replica;
  readonly #intended: IntendedState;
  #waits: Wait[] = [];
  #steppedAtMs = 0;

  /** `meta` is this node's replica of group 0. */
  constructor(parts: AdminParts, meta: Replica) {
    this.#parts = parts;
    this.#meta = meta;
    this.#intended = new IntendedState(parts, meta);
  }

  /** Only on the leader of group 0; elsewhere it answers NOT_LEADER. */
  execute(call: AdminCall, caller: Caller, done: Done): void {
    const { deadlineMs } = caller;
    if (call.kind === 'transferLeadership') {
      this.#transfer(call.group, call.nodeId, deadlineMs, done);
    } else if (!this.#meta.leads) {
      done(refusal(Code.NOT_LEADER, 'this node does not lead group 0'));
    } else if (call.kind === 'listMembers') {
      this.#listMembers(deadlineMs, done);
    } else if (call.kind === 'addMember') {
      this.#addMember(call, deadlineMs, done);
    } else if (call.kind === 'removeMember') {
      this.#removeMember(call.nodeId, deadlineMs, done);
    } else {
      this.#intended.execute(call, caller, done);
    }
  }

  /** Once per host tick. */
  tick(): void {
    this.checkWaits();
    const nowMs = this.#parts.clock.nowMs();
    if (nowMs - this.#steppedAtMs < this.#parts.membershipMs) return;
    this.#steppedAtMs = nowMs;
    for (const replica of this.#parts.replicas()) {
      this.#step(replica);
      this.#intended.step(replica);
    }
  }

  /** Something changed: some waits may be over. */
  checkWaits(): void {
    if (this.#waits.length === 0) return;
    const waits = this.#waits;
    this.#waits = [];
    const nowMs = this.#parts.clock.nowMs();
    for (const wait of waits) {
      const answer = wait.check() ?? this.#expired(wait, nowMs);
      if (answer === undefined) this.#waits.push(wait);
      else wait.done(answer);
    }
  }

  #expired(wait: Wait, nowMs: number): AdminAnswer | undefined {
    if (wait.deadlineMs <= nowMs) {
      return unknown(Code.DEADLINE_EXCEEDED, 'the change goes on, but took too long to wait for');
    }
    if (wait.leaderOnly && !this.#meta.leads) {
      return unknown(Code.UNKNOWN_OUTCOME, 'leadership moved while the change was going on');
    }
    return undefined;
  }

  #step(replica: Replica): void {
    const nodes = this.#meta.store.nodes();
    const action = nextMembershipStep(replica, nodes, this.#parts);
    if (action === undefined) return;
    if (action.kind !== 'dropNode') {
      takeMembershipStep(replica, action, this.#parts.log);
      return;
    }
    const node = nodes.find((record) => record.replicaId === action.replicaId);
    if (!this.#meta.leads || node === undefined) return;
    const deadlineMs = this.#parts.clock.nowMs() + this.#parts.membershipMs;
    const { nodeId, nodeUid } = node;
    this.#meta.command({ kind: 'removeNode', nodeUid }, deadlineMs, (result) => {
      if (result.code === Code.OK) this.#parts.log.info('member removed', { nodeId, nodeUid });
    });
  }

  #wait(wait: Wait): void {
    const answer = wait.check();
    if (answer !== undefined) wait.done(answer);
    else if (this.#waits.length < WAITS_MAX) this.#waits.push(wait);
    else wait.done(unknown(Code.RESOURCE_EXHAUSTED, 'too many membership calls are waiting'));
  }

  #command(
    command: EntryCommand,
    deadlineMs: number,
    done: Done,
    next: (result: CommandResult) => void,
  ): void {
    const queued = this.#meta.command(command, deadlineMs, (result) => {
      const { code, outcome, message } = result;
      if (code === Code.OK) next(result);
      else done({ kind: 'admin', result: 'refused', code, outcome, message });
    });
    if (!queued) done(refusal(Code.BUSY, 'too many commands are waiting'));
  }

  #listMembers(deadlineMs: number, done: Done): void {
    const queued = this.#meta.barrier(deadlineMs, (code, message) => {
      if (code !== Code.OK) done(refusal(code, message));
      else done({ kind: 'admin', result: 'members', members: memberViews(this.#meta) });
    });
    if (!queued) done(refusal(Code.BUSY, 'too many reads are waiting'));
  }

  // ---- admission ----

  #addMember(call: AddMember, deadlineMs: number, done: Done): void {
    const refused = this.#refuseAdmission(call);
    if (refused !== undefined) {
      done(refused);
      return;
    }
    const existing = this.#node((node) => node.nodeUid === call.nodeUid);
    if (existing !== undefined && sameRecord(existing, call)) {
      this.#awaitAdmission(existing.replicaId, deadlineMs, done);
      return;
    }
    if (!this.#meta.makeRoomForIds()) {
      done(refusal(Code.BUSY, 'the log takes no entries right now'));
      return;
    }
    const { nodeId, nodeUid, clientAddress, raftAddress, formatVersionMax } = call;
    const record = { nodeUid, clientAddress, raftAddress, formatVersionMax };
    const command: EntryCommand =
      existing === undefined
        ? { kind: 'addNode', nodeId, ...record }
        : { kind: 'updateNode', leaving: false, ...record };
    this.#command(command, deadlineMs, done, (result) => {
      this.#parts.log.info('member admitted', { nodeId, nodeUid, raftAddress });
      const node = this.#node((candidate) => candidate.nodeUid === nodeUid);
      this.#awaitAdmission(node?.replicaId ?? result.index, deadlineMs, done);
    });
  }

  #refuseAdmission(call: AddMember): AdminAnswer | undefined {
    const { clusterId } = this.#parts;
    if (call.clusterId !== '' && call.clusterId !== clusterId) {
      const message = `this is cluster ${clusterId}, not ${call.clusterId}`;
      return refusal(Code.CLUSTER_MISMATCH, message);
    }
    if (call.formatVersionMax < FORMAT_VERSION) {
      const formats = `the node applies log format ${call.formatVersionMax} at most`;
      const message = `${formats}, this cluster writes ${FORMAT_VERSION}: use a newer release`;
      return refusal(Code.INVALID_ARGUMENT, message);
    }
    const same = this.#node((node) => node.nodeUid === call.nodeUid);
    if (same?.leaving === true) {
      const wayOut = 'wait until it is gone, then start it with --rejoin';
      const message = `node ${same.nodeId} is leaving: ${wayOut}`;
      return refusal(Code.INVALID_ARGUMENT, message);
    }
    if (same !== undefined && same.nodeId !== call.nodeId) {
      const message = `this data directory is member ${same.nodeId}: use --id=${same.nodeId}`;
      return refusal(Code.INVALID_ARGUMENT, message);
    }
    const other = this.#node((node) => node.nodeId === call.nodeId);
    if (other !== undefined && other.nodeUid !== call.nodeUid) {
      const owner = `a member with another data directory (nodeUid ${other.nodeUid})`;
      const wayOut = `remove that member first (cashe leave ${call.nodeId}), or use another id`;
      const message = `id ${call.nodeId} belongs to ${owner}: ${wayOut}`;
      return refusal(Code.INVALID_ARGUMENT, message);
    }
    return undefined;
  }

  #awaitAdmission(replicaId: number, deadlineMs: number, done: Done): void {
    const check = (): AdminAnswer | undefined => {
      const { configurationCommitted } = this.#meta.raft.status();
      const { voters, learners } = configurationCommitted;
      if (!voters.includes(replicaId) && !learners.includes(replicaId)) return undefined;
      const { clusterId, genesisRecord } = this.#parts;
      const members = memberViews(this.#meta);
      return { kind: 'admin', result: 'added', clusterId, replicaId, genesisRecord, members };
    };
    this.#wait({ deadlineMs, done, check, leaderOnly: true });
  }

  // ---- removal ----

  #removeMember(nodeId: string, deadlineMs: number, done: Done): void {
    const node = this.#node((record) => record.nodeId === nodeId);
    if (node === undefined) {
      done(refusal(Code.NOT_FOUND, `no member has the id ${nodeId}`));
      return;
    }
    const staying = this.#meta.store.nodes().filter((other) => other !== node && !other.leaving);
    if (staying.length === 0) {
      const message = `${nodeId} is the last member: it cannot leave, only stop`;
      done(refusal(Code.INVALID_ARGUMENT, message));
      return;
    }
    const { nodeUid } = node;
    const check = (): AdminAnswer | undefined =>
      this.#node((record) => record.nodeUid === nodeUid) === undefined
        ? { kind: 'admin', result: 'removed' }
        : undefined;
    const next = (): void => this.#wait({ deadlineMs, done, check, leaderOnly: true });
    if (node.leaving) {
      next();
      return;
    }
    this.#parts.log.info('member asked to leave', { nodeId, nodeUid });
    const leave = { kind: 'updateNode', nodeUid, leaving: true, ...KEEP_RECORD } as const;
    this.#command(leave, deadlineMs, done, next);
  }

  // ---- leadership ----

  #transfer(group: number, nodeId: string, deadlineMs: number, done: Done): void {
    const replica = [...this.#parts.replicas()].find((candidate) => candidate.group === group);
    if (replica === undefined || !replica.leads) {
      done(refusal(Code.NOT_LEADER, `this node does not lead group ${group}`));
      return;
    }
    const target = this.#transferTarget(replica, nodeId);
    if (typeof target === 'string') {
      done(refusal(Code.INVALID_ARGUMENT, target));
      return;
    }
    const result = replica.raft.transferLeadership(target.replicaId);
    if (result !== 'started' && result !== 'self') {
      done(refusal(Code.BUSY, `leadership cannot be handed over now (${result})`));
      return;
    }
    const check = (): AdminAnswer | undefined => {
      if (replica.leaderId !== target.replicaId) {
        // The core gives up after an election timeout; the caller may wait longer.
        if (replica.leads) replica.raft.transferLeadership(target.replicaId);
        return undefined;
      }
      const { term } = replica;
      const { clientAddress } = target;
      const leader = { group, term, nodeId: target.nodeId, clientAddress };
      return { kind: 'admin', result: 'transferred', ...leader };
    };
    this.#wait({ deadlineMs, done, check, leaderOnly: false });
  }

  /** The record of the voter to hand over to, or why there is none. */
  #transferTarget(replica: Replica, nodeId: string): NodeRecord | string {
    const nodes = this.#meta.store.nodes();
    if (nodeId !== '') {
      const node = nodes.find((record) => record.nodeId === nodeId);
      if (node === undefined) return `no member has the id ${nodeId}`;
      const { voters } = replica.raft.status().configuration;
      return voters.includes(node.replicaId) ? node : `${nodeId} is a learner, not a voter`;
    }
    const followers = replica.raft.status().progress.filter((peer) => !peer.learner);
    followers.sort((a, b) => b.matchIndex - a.matchIndex);
    const best = followers[0];
    const node = nodes.find((record) => record.replicaId === best?.replicaId);
    return node ?? 'there is no other voter';
  }

  #node(matches: (node: NodeRecord) => boolean): NodeRecord | undefined {
    return this.#meta.store.nodes().find(matches);
  }
}

const KEEP_RECORD = { clientAddress: '', raftAddress: '', formatVersionMax: 0 };

function sameRecord(node: NodeRecord, call: AddMember): boolean {
  return (
    node.clientAddress === call.clientAddress &&
    node.raftAddress === call.raftAddress &&
    node.formatVersionMax === call.formatVersionMax
  );
}

function refusal(code: Code, message: string): AdminAnswer {
  return { kind: 'admin', result: 'refused', code, outcome: Outcome.NOT_COMMITTED, message };
}

function unknown(code: Code, message: string): AdminAnswer {
  return { kind: 'admin', result: 'refused', code, outcome: Outcome.UNKNOWN, message };
}
