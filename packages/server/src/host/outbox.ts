/**
 * What a replica's Readys let out (R1): messages at once, others once their Ready is durable. Both
 * get the cluster time here, as late as possible.
 */
import type { HardState, Message, Ready } from '@cashe/raft';
import type { ReplicaContext, ReplicaSnapshots, ReplicaView } from './replica-context.js';

interface HeldMessages {
  readonly number: number;
  readonly messages: readonly Message[];
}

export class Outbox {
  readonly #replica: ReplicaView;
  readonly #context: ReplicaContext;
  readonly #snapshots: ReplicaSnapshots;
  #held: HeldMessages[] = [];
  /** Highest Ready taken, handed to group commit, and made durable by it. */
  #lastNumber = 0;
  #commitNumber = 0;
  #durableNumber = 0;
  /** A commit index that only needs to reach the disk some time (R37): rides along. */
  #lazy: HardState | undefined;

  constructor(replica: ReplicaView, context: ReplicaContext, snapshots: ReplicaSnapshots) {
    this.#replica = replica;
    this.#context = context;
    this.#snapshots = snapshots;
  }

  send(ready: Ready): void {
    for (const message of ready.messages) this.#transmit(message);
    this.#lastNumber = ready.number;
    this.#lazy = ready.hardState ?? this.#lazy;
    if (ready.mustSync) this.#persist(ready);
    if (ready.messagesAfterPersist.length > 0) {
      this.#held.push({ number: ready.number, messages: ready.messagesAfterPersist });
    }
    // Nothing of this replica is on its way to the disk: the Ready is durable as it is.
    if (this.#commitNumber <= this.#durableNumber) this.release(this.#commitNumber);
  }

  #persist(ready: Ready): void {
    const { group, replicaId } = this.#replica;
    const records = {
      group,
      replicaId,
      hardState: this.#lazy,
      entries: ready.entries,
      snapshot: ready.snapshot && this.#snapshots.installed(ready.snapshot),
      tombstone: false,
    };
    this.#lazy = undefined;
    this.#commitNumber = ready.number;
    this.#context.commit.add(this.#replica, records, ready.number);
  }

  /** Group commit made everything up to Ready `number` durable, and what needed no disk since. */
  release(number: number): void {
    this.#durableNumber = number;
    const through = number >= this.#commitNumber ? this.#lastNumber : number;
    if (through > 0) this.#replica.raft.persisted(through);
    let count = 0;
    for (const held of this.#held) {
      if (held.number > through) break;
      for (const message of held.messages) this.#transmit(message);
      count += 1;
    }
    if (count > 0) this.#held.splice(0, count);
  }

  #transmit(message: Message): void {
    const { clusterClock, group } = this.#replica;
    switch (message.kind) {
      case 'requestVoteResponse':
        message.clusterTimeTerm = clusterClock.toldTerm;
        message.clusterTime = clusterClock.told(this.#context.clock.nowMs());
        break;
      case 'appendEntriesRequest':
      case 'heartbeatRequest':
        message.clusterTime = clusterClock.told(this.#context.clock.nowMs());
        break;
      case 'installSnapshotRequest':
        this.#snapshots.send(message);
        return;
      case 'requestVoteRequest':
      case 'appendEntriesResponse':
      case 'heartbeatResponse':
      case 'installSnapshotResponse':
      case 'timeoutNowRequest':
      case 'goneNotice':
        break;
    }
    this.#context.transport.send(group, message);
  }
}
