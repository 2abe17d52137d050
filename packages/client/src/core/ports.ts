/**
 * What the core needs from outside. The SDK gives it Node's clock and gRPC streams, the server an
 * in-process link to its own node, the simulator doubles of all of them.
 */
import type { SessionRequest, SessionResponse } from '@cashe/codec';
import type { CasheErrorCode } from './error.js';

export interface Clock {
  /** Monotonic milliseconds; only differences matter. */
  nowMs(): number;
}

export type TimerHandle = object;

export interface Scheduler {
  /** Runs `run` at the end of this event-loop turn, after everything that is ready now. */
  defer(run: () => void): void;
  schedule(delayMs: number, run: () => void): TimerHandle;
  cancel(timer: TimerHandle): void;
}

export interface Random {
  /** 8 random bytes: the tag of one write batch. The caller keeps them. */
  bytes8(): Uint8Array;
  /** A number in [0, 1): jitter. */
  fraction(): number;
}

/** Why a link ended. */
export interface LinkFailure {
  readonly code: CasheErrorCode;
  readonly message: string;
}

export interface TopologyMember {
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly clientAddress: string;
}

/** The members of the cluster, as one node knows them. */
export interface Topology {
  readonly clusterId: string;
  readonly members: readonly TopologyMember[];
}

/** One Session stream to one node. */
export interface Link {
  /** False while the stream's buffer is full; `onDrain` follows. */
  readonly writable: boolean;
  /** Ignored once the link ended. `ops` bytes are not copied and must stay as they are. */
  send(request: SessionRequest): void;
  /** Asks for `onTopology` calls; a link that knows no topology ignores it. */
  watchTopology(): void;
  /** Ends the link; its handler hears nothing more. */
  close(): void;
}

/** May be called at any time, also from inside `Connector.connect` and `Link.send`. */
export interface LinkHandler {
  onMessage(response: SessionResponse): void;
  onDrain(): void;
  onTopology(topology: Topology): void;
  /** Called at most once; the link is dead. */
  onClosed(failure: LinkFailure): void;
}

export interface Connector {
  connect(endpoint: string, handler: LinkHandler): Link;
}

export interface Ports {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly connector: Connector;
}
