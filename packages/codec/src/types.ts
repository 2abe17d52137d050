/**
 * Plain objects of the hot wire messages. Field meanings, units and limits are documented in
 * `proto/cashe/v1/kv.proto` and `proto/cashe/raft/v1/log.proto`; the codecs here are
 * byte-compatible with the generated ones. uint64 fields are numbers up to 2^53 - 1, checked at
 * decode. `bytes` fields are views on the decoded buffer: copy what outlives it.
 */
import type { AccessPolicy } from './access-policy.js';
import type { Code, Consistency, Outcome } from './code.js';

/** One decoded op; one object shape for every kind. */
export interface Op {
  readonly kind: 'set' | 'delete' | 'get' | 'has';
  readonly key: string;
  /** set only; empty otherwise. */
  readonly value: Uint8Array;
  /** set only: integer ms >= 1, or 0 for none. */
  readonly ttlMs: number;
  /** set only: keep the expiry the key has. */
  readonly keepTtl: boolean;
}

/** A refusal of one op decided before it is proposed (R13). */
export interface Verdict {
  readonly index: number;
  readonly code: Code;
}

export interface BatchEnvelope {
  readonly session: number;
  readonly sequence: number;
  readonly firstOutstanding: number;
  readonly crc: number;
  readonly principal: string;
  readonly opCount: number;
  readonly verdicts: readonly Verdict[];
}

export interface StateDigest {
  readonly index: number;
  /** High and low 32 bits of the running sum, unsigned. */
  readonly high: number;
  readonly low: number;
}

export type EntryCommand =
  | { readonly kind: 'openSession'; readonly owner: string }
  | { readonly kind: 'closeSession'; readonly session: number; readonly principal: string }
  | {
      readonly kind: 'addNode';
      readonly nodeId: string;
      readonly nodeUid: string;
      readonly clientAddress: string;
      readonly raftAddress: string;
      readonly formatVersionMax: number;
    }
  | {
      readonly kind: 'updateNode';
      readonly nodeUid: string;
      readonly clientAddress: string;
      readonly raftAddress: string;
      readonly formatVersionMax: number;
      readonly leaving: boolean;
    }
  | { readonly kind: 'removeNode'; readonly nodeUid: string }
  | {
      readonly kind: 'setAccess';
      readonly policy: AccessPolicy;
      readonly expectedRevision: number;
    }
  | {
      readonly kind: 'changeSettings';
      readonly changes: SettingsChanges;
      readonly revision: number;
    };

/** Replicated settings that can change while the cluster serves; what is undefined stays. */
export interface SettingsChanges {
  readonly entriesMax?: number | undefined;
  readonly bytesMax?: number | undefined;
  readonly eviction?: 'lru' | 'noeviction' | undefined;
  readonly replicationFactor?: number | undefined;
  readonly sessionsMax?: number | undefined;
  readonly sessionWindow?: number | undefined;
  readonly sessionBytesMax?: number | undefined;
  readonly sessionIdleMs?: number | undefined;
}

/** Header of a normal log entry (R12). */
export interface EntryHeader {
  readonly formatVersion: number;
  readonly clusterTimeMs: number;
  readonly restartLeases: boolean;
  readonly envelopes: readonly BatchEnvelope[];
  readonly recencyHints: readonly string[];
  readonly digest: StateDigest | undefined;
  readonly command: EntryCommand | undefined;
}

/** A normal log entry: header and, per envelope, the untouched op bytes with their tag. */
export interface EntryPayload {
  readonly header: EntryHeader;
  readonly batches: readonly Uint8Array[];
}

/** Status of one op of a write batch that did not simply succeed. */
export interface OpException {
  readonly index: number;
  readonly code: Code;
  readonly message: string;
}

export interface ReadResult {
  readonly found: boolean;
  readonly value: Uint8Array;
  readonly revision: number;
  readonly version: number;
  /** undefined: the key does not expire. */
  readonly ttlMs: number | undefined;
  /** Code.UNSPECIFIED stands for OK. */
  readonly code: Code;
  readonly message: string;
}

export interface Limits {
  readonly valueBytesMax: number;
  readonly keyBytesMax: number;
  readonly opBytesMax: number;
  readonly batchBytesMax: number;
  readonly batchOpsMax: number;
  readonly sessionWindow: number;
}

export interface ClientHello {
  readonly kind: 'hello';
  readonly protocolVersions: readonly number[];
  readonly clusterId: string;
  readonly clientName: string;
}
export interface WriteBatch {
  readonly kind: 'write';
  readonly transmission: number;
  readonly group: number;
  readonly session: number;
  readonly sequence: number;
  readonly firstOutstanding: number;
  readonly remainingMs: number;
  readonly ops: Uint8Array;
  /** Trace context of the caller's span when it is sampled; never logged (see traceparent.ts). */
  readonly traceparent?: string;
}
export interface ReadBatch {
  readonly kind: 'read';
  readonly transmission: number;
  readonly group: number;
  readonly session: number;
  readonly afterSequence: number;
  readonly consistency: Consistency;
  readonly remainingMs: number;
  readonly ops: Uint8Array;
  /** Trace context of the caller's span when it is sampled; never logged (see traceparent.ts). */
  readonly traceparent?: string;
}
export interface OpenSession {
  readonly kind: 'open';
  readonly transmission: number;
  readonly group: number;
  readonly remainingMs: number;
}
export interface CloseSession {
  readonly kind: 'close';
  readonly transmission: number;
  readonly group: number;
  readonly session: number;
}
export type SessionRequest = ClientHello | WriteBatch | ReadBatch | OpenSession | CloseSession;

export interface ServerHello {
  readonly kind: 'hello';
  readonly protocolVersion: number;
  readonly clusterId: string;
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly groupCount: number;
  readonly batchesMax: number;
  readonly bytesMax: number;
  readonly limits: Limits;
  readonly settingsHash: number;
}
export interface WriteAnswer {
  readonly kind: 'write';
  readonly transmission: number;
  readonly code: Code;
  readonly outcome: Outcome;
  readonly message: string;
  readonly firstRevision: number;
  readonly exceptions: readonly OpException[];
}
export interface ReadAnswer {
  readonly kind: 'read';
  readonly transmission: number;
  readonly code: Code;
  readonly message: string;
  readonly revision: number;
  readonly ageMs: number;
  readonly results: readonly ReadResult[];
}
export interface SessionAnswer {
  readonly kind: 'session';
  readonly transmission: number;
  readonly code: Code;
  readonly message: string;
  readonly session: number;
}
export interface GroupLeader {
  readonly kind: 'leader';
  readonly group: number;
  readonly term: number;
  readonly nodeId: string;
  readonly clientAddress: string;
}
export type SessionResponse = ServerHello | WriteAnswer | ReadAnswer | SessionAnswer | GroupLeader;
