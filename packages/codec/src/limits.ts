/** The one table of sizes and counts (R20, R35); DerivedLimits is what follows from a setting. */
import { CodecError } from './errors.js';

const KIB = 1024;
const MIB = 1024 * KIB;

export const KEY_BYTES_MAX = 1024;
export const VALUE_BYTES_MAX_MIN: number = KIB;
export const VALUE_BYTES_MAX_DEFAULT: number = MIB;
export const VALUE_BYTES_MAX_LIMIT: number = 8 * MIB;
/** Ops of one batch. */
export const BATCH_OPS_MAX = 1024;
/** Ops of one entry, so that applying one entry is a bounded step (R34). */
export const ENTRY_OPS_MAX = 8192;
/** Distinct keys in one entry's recency hints (R18). */
export const RECENCY_HINTS_MAX = 1024;
/** The random tag at the end of a write batch's bytes (R14). */
export const TAG_BYTES = 8;
/** TTL in ms and every other uint64 of the protocol: exact as a JavaScript number. */
export const INTEGER_MAX: number = Number.MAX_SAFE_INTEGER;

export const SNAPSHOT_CHUNK_BYTES: number = 256 * KIB;
/** Ops above this travel on the bulk connection (R32). */
export const BULK_OP_BYTES_MIN: number = 64 * KIB;

/** Unacknowledged batches of one session (R14). */
export const SESSION_WINDOW_DEFAULT = 64;
export const SESSION_WINDOW_MAX = 1024;

export const NODE_ID_BYTES_MAX = 64;
export const CLIENT_NAME_BYTES_MAX = 64;
/** host:port, where a host name has at most 253 bytes. */
export const ADDRESS_BYTES_MAX = 259;
/** A certificate's URI SAN or a token's name (R40). */
export const PRINCIPAL_BYTES_MAX = 512;

const OP_OVERHEAD_BYTES = 4 * KIB;
const BATCH_OVERHEAD_BYTES = 4 * KIB;
const BATCH_BYTES_FLOOR = MIB;
/**
 * Room in an entry beside one batch: header, digest and the envelope of that batch, which may hold
 * a principal and a verdict for each of its ops. A test encodes the worst case.
 */
const ENTRY_OVERHEAD_BYTES = 16 * KIB;
const ENTRY_BYTES_FLOOR = 4 * MIB;
const BLOCK_OVERHEAD_BYTES = 64 * KIB;
const MESSAGE_OVERHEAD_BYTES = 64 * KIB;

export interface DerivedLimits {
  readonly valueBytesMax: number;
  readonly keyBytesMax: number;
  /** One encoded op without its length prefix. */
  readonly opBytesMax: number;
  /** One batch's op bytes with length prefixes and tag. */
  readonly batchBytesMax: number;
  readonly batchOpsMax: number;
  /** The data of one log entry. */
  readonly entryBytesMax: number;
  /** One WAL block. */
  readonly blockBytesMax: number;
  /** One gRPC message between client and node or between nodes; the receive limit. */
  readonly messageBytesMax: number;
}

/** Every size limit follows from the value limit (R20). */
export function deriveLimits(valueBytesMax: number): DerivedLimits {
  const opBytesMax = valueBytesMax + OP_OVERHEAD_BYTES;
  const batchBytesMax = Math.max(BATCH_BYTES_FLOOR, opBytesMax) + BATCH_OVERHEAD_BYTES;
  const entryBytesMax = Math.max(ENTRY_BYTES_FLOOR, batchBytesMax + ENTRY_OVERHEAD_BYTES);
  const blockBytesMax = entryBytesMax + BLOCK_OVERHEAD_BYTES;
  return {
    valueBytesMax,
    keyBytesMax: KEY_BYTES_MAX,
    opBytesMax,
    batchBytesMax,
    batchOpsMax: BATCH_OPS_MAX,
    entryBytesMax,
    blockBytesMax,
    messageBytesMax: blockBytesMax + MESSAGE_OVERHEAD_BYTES,
  };
}

/** Boot check: throws a CodecError unless every container holds what it must carry. */
export function assertLimits(limits: DerivedLimits): void {
  const { valueBytesMax, opBytesMax, batchBytesMax, entryBytesMax, blockBytesMax } = limits;
  check(Number.isInteger(valueBytesMax), 'valueBytesMax is an integer');
  check(valueBytesMax >= VALUE_BYTES_MAX_MIN, `valueBytesMax >= ${VALUE_BYTES_MAX_MIN}`);
  check(valueBytesMax <= VALUE_BYTES_MAX_LIMIT, `valueBytesMax <= ${VALUE_BYTES_MAX_LIMIT}`);
  check(limits.keyBytesMax === KEY_BYTES_MAX, `keyBytesMax = ${KEY_BYTES_MAX}`);
  check(limits.batchOpsMax <= BATCH_OPS_MAX, `batchOpsMax <= ${BATCH_OPS_MAX}`);
  check(limits.batchOpsMax <= ENTRY_OPS_MAX, 'batchOpsMax <= ENTRY_OPS_MAX');
  check(valueBytesMax + KEY_BYTES_MAX < opBytesMax, 'value + key < op');
  check(opBytesMax + TAG_BYTES < batchBytesMax, 'op + tag < batch');
  check(batchBytesMax + ENTRY_OVERHEAD_BYTES <= entryBytesMax, 'batch + header <= entry');
  check(entryBytesMax < blockBytesMax, 'entry < block');
  check(blockBytesMax < limits.messageBytesMax, 'block < message');
}

function check(holds: boolean, rule: string): void {
  if (!holds) throw new CodecError(`limits: ${rule} does not hold`);
}
