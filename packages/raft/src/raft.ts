import {
  askWhetherGone,
  forgetLeader,
  hasQuorumContact,
  setMayCampaign,
  tickElection,
} from './election.js';
import { assert } from './errors.js';
import {
  type Checkpoint,
  checkCheap,
  checkpoint,
  checkState,
  checkStateBounded,
  checkTransition,
} from './invariants.js';
import { changeMembership } from './membership.js';
import { propose } from './propose.js';
import { broadcastHeartbeats, readIndex } from './read-index.js';
import { applied, hasReady, persisted, ready } from './ready.js';
import { reportSnapshot, reportUnreachable } from './replication.js';
import { becomeFollower } from './roles.js';
import { createState, type RaftState } from './state.js';
import { status } from './status.js';
import { step } from './step.js';
import { fetched } from './stored-entries.js';
import { tickTransfer, transferLeadership } from './transfer.js';
import type {
  LogIndex,
  MembershipChange,
  MembershipResult,
  Message,
  ProposeResult,
  RaftConfig,
  RaftCore,
  RaftStatus,
  ReadResult,
  Ready,
  ReplicaId,
  RestoredState,
  SnapshotMeta,
  StoredEntries,
  Term,
  TransferResult,
} from './types.js';

/** After a snapshot the memory tail shrinks to this share of its bound: idle groups cost less. */
const COMPACTED_TAIL_SHARE = 0.5;

/**
 * One replica of one group. A thin dispatch: the rules are functions over RaftState in the files
 * named after them. Synchronous, single owner; see RaftCore for the contract of every method.
 */
export class Raft implements RaftCore {
  readonly #state: RaftState;
  #checkpoint: Checkpoint;

  constructor(config: RaftConfig, restored: RestoredState) {
    this.#state = createState(config, restored);
    this.#checkpoint = checkpoint(this.#state);
    checkCheap(this.#state);
  }

  tick(): void {
    if (this.#state.role === 'leader') tickLeader(this.#state);
    else tickElection(this.#state);
    checkCheap(this.#state);
  }

  step(message: Message): void {
    step(this.#state, message);
    checkCheap(this.#state);
  }

  propose(payloads: readonly Uint8Array[]): ProposeResult {
    const result = propose(this.#state, payloads);
    checkCheap(this.#state);
    return result;
  }

  readIndex(context: number): ReadResult {
    return readIndex(this.#state, context);
  }

  transferLeadership(to: ReplicaId): TransferResult {
    return transferLeadership(this.#state, to);
  }

  changeMembership(change: MembershipChange, expectedIndex: LogIndex): MembershipResult {
    const result = changeMembership(this.#state, change, expectedIndex);
    checkCheap(this.#state);
    return result;
  }

  hasReady(): boolean {
    return hasReady(this.#state);
  }

  ready(): Ready {
    const output = ready(this.#state);
    checkCheap(this.#state);
    return output;
  }

  persisted(number: number): void {
    persisted(this.#state, number);
    checkCheap(this.#state);
  }

  applied(index: LogIndex): void {
    applied(this.#state, index);
    checkCheap(this.#state);
  }

  compact(index: LogIndex): void {
    const state = this.#state;
    assert(index <= state.log.appliedIndex, 'snapshot of what is not applied');
    state.log.trim(Math.floor(state.config.tailBytesMax * COMPACTED_TAIL_SHARE), index);
    checkCheap(state);
  }

  fetched(number: number, stored: StoredEntries | undefined): void {
    fetched(this.#state, number, stored);
    checkCheap(this.#state);
  }

  snapshotMeta(index: LogIndex): SnapshotMeta {
    assert(index <= this.#state.log.appliedIndex, 'snapshot of what is not applied');
    return this.#state.log.metaAt(index);
  }

  reportSnapshot(to: ReplicaId, succeeded: boolean): void {
    reportSnapshot(this.#state, to, succeeded);
  }

  reportUnreachable(to: ReplicaId): void {
    reportUnreachable(this.#state, to);
  }

  forgetLeader(leaderId: ReplicaId): void {
    forgetLeader(this.#state, leaderId);
  }

  askWhetherGone(members: readonly ReplicaId[]): void {
    askWhetherGone(this.#state, members);
  }

  setMayCampaign(may: boolean): void {
    setMayCampaign(this.#state, may);
  }

  status(): RaftStatus {
    return status(this.#state);
  }

  /** Term of the entry at `index`; undefined when it is not in memory. For tests and checks. */
  termAt(index: LogIndex): Term | undefined {
    return this.#state.log.termAt(index);
  }

  /**
   * Throws an InvariantError unless this state, and the change since the last call, satisfy every
   * invariant (R10): for tests and, after every turn, the simulator. Linear in the memory tail
   * unless `scan` is false, which leaves out the sums over its entries.
   */
  checkInvariants(scan: boolean = true): void {
    if (scan) checkState(this.#state);
    else checkStateBounded(this.#state);
    checkTransition(this.#checkpoint, this.#state);
    this.#checkpoint = checkpoint(this.#state);
  }
}

/** One tick of the leader: CheckQuorum, transfer, heartbeats. */
function tickLeader(state: RaftState): void {
  for (const progress of state.progress.values()) progress.tick();
  // CheckQuorum (thesis section 6.2), checked continuously. The longest election timeout is the
  // limit: whoever can reach a quorum has had time to campaign, and a short stall of the followers
  // costs no election.
  if (!hasQuorumContact(state, state.config.electionTicksMax)) {
    becomeFollower(state, state.currentTerm, 0);
    return;
  }
  tickTransfer(state);
  state.heartbeatElapsed += 1;
  if (state.heartbeatElapsed >= state.config.heartbeatTicks) broadcastHeartbeats(state);
}
