import {
  deriveLimits,
  type GroupLeader,
  groupOfKey,
  type Limits,
  type Op,
  type ServerHello,
  VALUE_BYTES_MAX_DEFAULT,
  validateKey,
} from '@cashe/codec';
import { Batcher } from './batch.js';
import { CallLedger, type Failure } from './call-ledger.js';
import { CallQueue } from './call-queue.js';
import { GroupLane } from './group-lane.js';
import type { LaneContext } from './lane-context.js';
import type { NodeLink } from './node-link.js';
import { NodeLinks } from './node-links.js';
import { type Caller, OpCall } from './op-call.js';
import type { CoreOptions } from './options.js';
import type { LinkFailure, Ports, TimerHandle } from './ports.js';
import { errorCodeOf } from './retry.js';
import { LeaderTable } from './routing.js';
import type { ClientStatus, StatusEvent } from './status.js';
import { Turnstile } from './turnstile.js';

/**
 * The client without I/O: takes ops, keeps links to the nodes, numbers, sends and re-sends batches,
 * and settles every op by its deadline.
 */
export interface Core {
  /**
   * Takes one op. Its caller hears about it exactly once, now only when the op is refused.
   * `index` is handed back to the caller.
   */
  submit(caller: Caller, op: Op, index: number): OpCall;
  /** The caller no longer waits. A numbered write may still take effect (R15). */
  abort(call: OpCall, reason: string): void;
  /** Whether to submit another op of so many bytes now, or to wait with onceRoom. */
  hasRoom(bytes: number): boolean;
  /** Calls `run` once when there is room again. */
  onceRoom(run: () => void): void;
  /** Calls `run` once a node answered, at once when one has, never after close. */
  onceReady(run: () => void): void;
  /** The listener is called after the step that caused the event. Returns what removes it. */
  onStatus(listener: (event: StatusEvent) => void): () => void;
  status(): ClientStatus;
  /**
   * Why no node takes this client's credentials: calls fail with it at once, until a node does.
   * undefined while one does or may.
   */
  refusal(): LinkFailure | undefined;
  /** The last reason why a node could not be reached. */
  lastFailure(): LinkFailure | undefined;
  /**
   * Takes no more ops, gives the rest and the sessions closeTimeoutMs, then fails what is left as
   * CLOSED, ends all links and calls `done`.
   */
  close(done: () => void): void;
}

export function createCore(ports: Ports, options: CoreOptions): Core {
  const core = new ClientCore(ports, options);
  core.start();
  return core;
}

class ClientCore implements Core {
  readonly #ports: Ports;
  readonly #options: CoreOptions;
  readonly #turnstile = new Turnstile();
  readonly #leaders = new LeaderTable();
  readonly #links: NodeLinks;
  readonly #ledger: CallLedger;
  readonly #context: LaneContext;
  /** By group; empty before the first hello, which tells how many there are. */
  #lanes: readonly GroupLane[] = [];
  readonly #unrouted = new CallQueue();
  #woken: GroupLane[] = [];
  /** Lanes that found no room on their link. */
  #blocked: GroupLane[] = [];
  #limits: Limits = initialLimits();
  #batchBytesMax = 0;
  #lastPosition = 0;
  #lastTransmission = 0;
  readonly #staleNumber: number;
  #isFlushScheduled = false;
  #sweepTimer: TimerHandle | undefined;
  #hasAborted = false;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closeTimer: TimerHandle | undefined;
  #onClosed: (() => void)[] = [];
  #onRoom: (() => void)[] = [];
  #onReady: (() => void)[] = [];
  readonly #listeners = new Set<(event: StatusEvent) => void>();
  #lastFailure: LinkFailure | undefined;

  constructor(ports: Ports, options: CoreOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#ledger = new CallLedger(() => this.#releaseRoom());
    this.#staleNumber = Math.floor(ports.random.fraction() * options.linksMax);
    this.#context = this.#laneContext();
    const base = {
      ports,
      options,
      turnstile: this.#turnstile,
      onPush: (push: GroupLeader) => this.#onPush(push),
      onRoom: () => this.#wakeBlocked(),
    };
    this.#links = new NodeLinks(base, this.#leaders, {
      onReady: (node, hello) => this.#onNodeReady(node, hello),
      onDown: (node, failure) => this.#onNodeDown(node, failure),
    });
  }

  start(): void {
    this.#turnstile.run(() => this.#links.start(this.#options.endpoints));
  }

  submit(caller: Caller, op: Op, index: number): OpCall {
    this.#lastPosition += 1;
    const call = new OpCall(caller, op, index, this.#lastPosition);
    this.#ledger.accept(call);
    const failure = this.#refuse(call);
    if (failure !== undefined) {
      this.#ledger.failed(call, failure);
      return call;
    }
    const lane = this.#lanes[groupOfKey(op.key, this.#lanes.length || 1)];
    if (lane === undefined) {
      this.#unrouted.push(call);
    } else {
      lane.push(call);
      this.#wakeLane(lane);
    }
    if (this.#sweepTimer === undefined) this.#scheduleSweep();
    return call;
  }

  abort(call: OpCall, reason: string): void {
    if (call.isSettled) return;
    this.#hasAborted = true;
    const isUnknown = call.isWrite && !call.isWaiting;
    this.#ledger.failed(
      call,
      isUnknown
        ? {
            code: 'UNKNOWN_OUTCOME',
            message: `${reason}; the write may still take effect`,
            outcome: 'unknown',
          }
        : { code: 'ABORTED', message: reason, outcome: 'notCommitted' },
    );
  }

  hasRoom(bytes: number): boolean {
    const { waitingOps, waitingBytes } = this.#ledger;
    const { waitingOpsMax, waitingBytesMax } = this.#options;
    if (waitingOps === 0) return true;
    return waitingOps < waitingOpsMax && waitingBytes + bytes <= waitingBytesMax;
  }

  onceRoom(run: () => void): void {
    this.#onRoom.push(run);
  }

  onceReady(run: () => void): void {
    if (this.#links.ready.length > 0) run();
    else this.#onReady.push(run);
  }

  onStatus(listener: (event: StatusEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  status(): ClientStatus {
    return {
      clusterId: this.#links.clusterId === '' ? undefined : this.#links.clusterId,
      nodes: this.#links.all.map((node) => ({
        address: node.address,
        state: node.kind,
        nodeId: node.hello?.nodeId,
      })),
      leaders: this.#leaders.all().map(({ group, term, nodeId }) => ({
        group,
        term,
        nodeId: nodeId === '' ? undefined : nodeId,
      })),
      openOps: this.#ledger.openOps,
      waitingOps: this.#ledger.waitingOps,
    };
  }

  refusal(): LinkFailure | undefined {
    return this.#links.refusal();
  }

  lastFailure(): LinkFailure | undefined {
    return this.#lastFailure;
  }

  close(done: () => void): void {
    if (this.#state === 'closed') {
      done();
      return;
    }
    this.#onClosed.push(done);
    if (this.#state === 'closing') return;
    this.#state = 'closing';
    const { scheduler } = this.#ports;
    this.#closeTimer = scheduler.schedule(this.#options.closeTimeoutMs, () => {
      this.#turnstile.run(() => this.#finishClose());
    });
    for (const lane of this.#lanes) lane.beginClose();
    this.#scheduleFlush();
  }

  /** Why an op is not taken. */
  #refuse(call: OpCall): Failure | undefined {
    const outcome = 'notCommitted' as const;
    if (this.#state !== 'open') return { code: 'CLOSED', message: 'the client is closed', outcome };
    const refused = this.#links.refusal();
    if (refused !== undefined) return { ...refused, outcome };
    const { op } = call;
    const refusal = validateKey(op.key);
    if (refusal !== undefined) {
      return { code: errorCodeOf(refusal.code), message: refusal.message, outcome };
    }
    if (!Number.isSafeInteger(op.ttlMs) || op.ttlMs < 0 || (op.keepTtl && op.ttlMs > 0)) {
      const message = 'ttlMs is an integer of at least 1, and not given together with keepTtl';
      return { code: 'INVALID_ARGUMENT', message, outcome };
    }
    const { waitingOps, waitingBytes } = this.#ledger;
    const { waitingOpsMax, waitingBytesMax } = this.#options;
    if (waitingOps > waitingOpsMax || waitingBytes > waitingBytesMax) {
      const message = `more than ${waitingOpsMax} ops or ${waitingBytesMax} bytes wait to be sent`;
      return { code: 'RESOURCE_EXHAUSTED', message, outcome };
    }
    return undefined;
  }

  #laneContext(): LaneContext {
    const { clock, scheduler, random } = this.#ports;
    return {
      clock,
      scheduler,
      random,
      options: this.#options,
      ledger: this.#ledger,
      batcher: new Batcher(this.#ledger),
      limits: () => this.#limits,
      batchBytesMax: () => this.#batchBytesMax,
      route: (group) => this.#links.route(group),
      routeStale: () => this.#links.any(this.#staleNumber),
      termOf: (group) => this.#leaders.termOf(group),
      nextTransmission: () => {
        this.#lastTransmission += 1;
        return this.#lastTransmission;
      },
      wake: (group) => {
        const lane = this.#lanes[group];
        if (lane !== undefined) this.#wakeLane(lane);
      },
      blocked: (group) => {
        const lane = this.#lanes[group];
        if (lane === undefined || lane.isBlocked) return;
        lane.isBlocked = true;
        this.#blocked.push(lane);
      },
    };
  }

  #wakeLane(lane: GroupLane): void {
    if (!lane.isWoken) {
      lane.isWoken = true;
      this.#woken.push(lane);
    }
    if (!this.#isFlushScheduled) this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled || this.#state === 'closed') return;
    this.#isFlushScheduled = true;
    this.#ports.scheduler.defer(() => this.#turnstile.run(() => this.#flush()));
  }

  /** The end of a turn: every lane with something to do sends what it may. */
  #flush(): void {
    this.#isFlushScheduled = false;
    if (this.#state === 'closed') return;
    const nowMs = this.#ports.clock.nowMs();
    const lanes = this.#woken;
    this.#woken = [];
    // The first lane may use up a link's room, so each turn another one is first.
    const start = this.#lastTransmission % Math.max(1, lanes.length);
    for (let step = 0; step < lanes.length; step++) {
      const lane = lanes[(start + step) % lanes.length];
      if (lane === undefined) continue;
      lane.isWoken = false;
      lane.pump(nowMs);
    }
    this.#maybeFinishClose();
  }

  #wakeBlocked(): void {
    const lanes = this.#blocked;
    if (lanes.length === 0) return;
    this.#blocked = [];
    for (const lane of lanes) {
      lane.isBlocked = false;
      this.#wakeLane(lane);
    }
  }

  #wakeAll(): void {
    for (const lane of this.#lanes) this.#wakeLane(lane);
  }

  #onNodeReady(node: NodeLink, hello: ServerHello): void {
    this.#limits = hello.limits;
    const bytes = this.#links.ready.map((other) => other.hello?.bytesMax ?? Infinity);
    this.#batchBytesMax = Math.min(hello.limits.batchBytesMax, ...bytes);
    if (this.#lanes.length === 0) this.#createLanes(hello.groupCount);
    this.#emit({ kind: 'connected', address: node.address, nodeId: hello.nodeId });
    this.#wakeAll();
    const waiting = this.#onReady;
    this.#onReady = [];
    for (const run of waiting) run();
  }

  #createLanes(groupCount: number): void {
    const lanes: GroupLane[] = [];
    for (let group = 0; group < groupCount; group++) {
      lanes.push(new GroupLane(this.#context, group));
    }
    this.#lanes = lanes;
    for (const call of this.#unrouted.takeAll()) {
      if (!call.isSettled) lanes[groupOfKey(call.op.key, groupCount)]?.push(call);
    }
    if (this.#state === 'closing') for (const lane of lanes) lane.beginClose();
  }

  #onNodeDown(node: NodeLink, { code, message }: LinkFailure): void {
    this.#lastFailure = { code, message: `${node.address}: ${message}` };
    this.#emit({ kind: 'disconnected', address: node.address, code, message });
    this.#failRefused();
    this.#wakeAll();
  }

  /** Nothing that waits can be sent until somebody changes the credentials or the policy. */
  #failRefused(): void {
    const refusal = this.#links.refusal();
    if (refusal === undefined) return;
    const { code, message } = refusal;
    for (const call of this.#unrouted.takeAll()) {
      this.#ledger.failed(call, { code, message, outcome: 'notCommitted' });
    }
    for (const lane of this.#lanes) lane.failAll(code, message);
  }

  #onPush(push: GroupLeader): void {
    if (!this.#leaders.observe(push)) return;
    this.#links.learnLeader(push);
    this.#lanes[push.group]?.onLeader(push.term);
    const { group, term, nodeId } = push;
    this.#emit({ kind: 'leader', group, term, nodeId });
  }

  /** A listener's exception is its own: it must not disturb a step of the core. */
  #emit(event: StatusEvent): void {
    for (const listener of this.#listeners) this.#ports.scheduler.defer(() => listener(event));
  }

  #releaseRoom(): void {
    if (this.#onRoom.length === 0 || !this.hasRoom(0)) return;
    const waiting = this.#onRoom;
    this.#onRoom = [];
    for (const run of waiting) this.#ports.scheduler.defer(run);
  }

  #scheduleSweep(): void {
    const { scheduler } = this.#ports;
    this.#sweepTimer = scheduler.schedule(this.#options.sweepMs, () => {
      this.#turnstile.run(() => this.#sweep());
    });
  }

  /** R31: deadlines and silence are found by looking, so that no op needs a timer. */
  #sweep(): void {
    this.#sweepTimer = undefined;
    const nowMs = this.#ports.clock.nowMs();
    const hasAborted = this.#hasAborted;
    this.#hasAborted = false;
    this.#unrouted.sweep(nowMs, hasAborted, (call) => this.#expireUnrouted(call));
    for (const lane of this.#lanes) lane.sweep(nowMs, hasAborted);
    this.#links.sweep(nowMs);
    this.#maybeFinishClose();
    const isNeeded = this.#ledger.openOps > 0 || this.#hasAborted;
    if (isNeeded && this.#sweepTimer === undefined) this.#scheduleSweep();
  }

  #expireUnrouted(call: OpCall): void {
    const reason = this.#lastFailure;
    const message = `no node answered before the deadline${reason ? ` (${reason.message})` : ''}`;
    const code = reason?.code === 'CLUSTER_MISMATCH' ? reason.code : 'DEADLINE_EXCEEDED';
    this.#ledger.failed(call, { code, message, outcome: 'notCommitted' });
  }

  #maybeFinishClose(): void {
    if (this.#state !== 'closing' || this.#ledger.openOps > 0) return;
    const canAsk = this.#links.ready.length > 0;
    if (!canAsk || this.#lanes.every((lane) => lane.isClosed)) this.#finishClose();
  }

  #finishClose(): void {
    if (this.#state === 'closed') return;
    const message = 'the client was closed before an answer came';
    for (const call of this.#unrouted.takeAll()) {
      this.#ledger.failed(call, { code: 'CLOSED', message, outcome: 'notCommitted' });
    }
    for (const lane of this.#lanes) lane.failAll('CLOSED', message);
    this.#state = 'closed';
    const { scheduler } = this.#ports;
    if (this.#closeTimer !== undefined) scheduler.cancel(this.#closeTimer);
    if (this.#sweepTimer !== undefined) scheduler.cancel(this.#sweepTimer);
    this.#links.stop();
    this.#onReady = [];
    const waiting = this.#onClosed;
    this.#onClosed = [];
    for (const run of waiting) run();
  }
}

/** Until a hello says more: the defaults (R20). */
function initialLimits(): Limits {
  return { ...deriveLimits(VALUE_BYTES_MAX_DEFAULT), sessionWindow: 1 };
}
