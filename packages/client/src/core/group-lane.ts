import type { CasheErrorCode } from './error.js';
import type { LaneContext } from './lane-context.js';
import type { OpCall } from './op-call.js';
import { ReadLane } from './read-lane.js';
import { WriteLane } from './write-lane.js';

/** Everything this client asks of one group. */
export class GroupLane {
  readonly group: number;
  /** True while it is on the list of lanes to pump. */
  isWoken = false;
  /** True while it is on the list of lanes that wait for room. */
  isBlocked = false;
  readonly #writes: WriteLane;
  readonly #reads: ReadLane;
  readonly #staleReads: ReadLane;

  constructor(context: LaneContext, group: number) {
    this.group = group;
    this.#writes = new WriteLane(context, group);
    this.#reads = new ReadLane(context, group, this.#writes);
    this.#staleReads = new ReadLane(context, group, undefined);
  }

  push(call: OpCall): void {
    if (call.isWrite) this.#writes.push(call);
    else if (call.caller.isStale) this.#staleReads.push(call);
    else this.#reads.push(call);
  }

  /** Writes first: a read called after a write in the same turn must see it. */
  pump(nowMs: number): void {
    this.#writes.pump(nowMs);
    this.#reads.pump(nowMs);
    this.#staleReads.pump(nowMs);
  }

  onLeader(term: number): void {
    this.#writes.onLeader(term);
    this.#reads.onLeader(term);
  }

  sweep(nowMs: number, hasAborted: boolean): void {
    this.#writes.sweep(nowMs, hasAborted);
    this.#reads.sweep(nowMs, hasAborted);
    this.#staleReads.sweep(nowMs, hasAborted);
  }

  beginClose(): void {
    this.#writes.beginClose();
  }

  get isClosed(): boolean {
    return this.#writes.isClosed;
  }

  failAll(code: CasheErrorCode, message: string): void {
    this.#writes.failAll(code, message);
    this.#reads.failAll(code, message);
    this.#staleReads.failAll(code, message);
  }
}
