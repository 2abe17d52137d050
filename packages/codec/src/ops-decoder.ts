import { Code } from './code.js';
import { CodecError } from './errors.js';
import type { Refusal } from './key.js';
import { type DerivedLimits, INTEGER_MAX, TAG_BYTES } from './limits.js';
import { OpTag } from './op.js';
import { OpParser } from './op-parser.js';
import type { Op, Verdict } from './types.js';
import { readLength } from './varint.js';

export type OpsKind = 'write' | 'read';

/** A refusal of one op, with a sentence for the caller that the log does not carry. */
export interface RefusedOp extends Verdict {
  readonly message: string;
}

export type DecodedOps =
  | {
      readonly kind: 'ops';
      /** In batch order; undefined where there is a verdict. Values are views. */
      readonly ops: readonly (Op | undefined)[];
      /** Ascending by index. */
      readonly verdicts: readonly RefusedOp[];
    }
  | ({ readonly kind: 'refused' } & Refusal);

export interface DecodeOpsOptions {
  readonly kind: OpsKind;
  readonly limits: DerivedLimits;
}

/**
 * The gateway's decoder (R12, R13). What is wrong inside an op refuses that op; broken framing,
 * a batch over its limits and an op of the wrong kind refuse the batch.
 */
export function decodeOps(bytes: Uint8Array, options: DecodeOpsOptions): DecodedOps {
  const { kind, limits } = options;
  const { batchBytesMax, batchOpsMax, opBytesMax } = limits;
  if (bytes.length > batchBytesMax) {
    return tooLarge(`the batch has ${bytes.length} bytes, more than ${batchBytesMax}`);
  }
  const end = kind === 'write' ? bytes.length - TAG_BYTES : bytes.length;
  if (end <= 0) return malformed(end < 0 ? 'the batch has no tag' : 'the batch has no ops');
  const parser = new OpParser(bytes, limits.valueBytesMax);
  const ops: (Op | undefined)[] = [];
  const verdicts: RefusedOp[] = [];
  for (let start = 0; start < end; ) {
    if (ops.length === batchOpsMax) return tooLarge(`the batch has more than ${batchOpsMax} ops`);
    parser.pos = start;
    const length = readLength(parser, end);
    if (length < 0) return malformed(`op ${ops.length} is cut off`);
    start = parser.pos;
    if (length > 0 && isOtherKind(bytes[start], kind)) {
      return malformed(`op ${ops.length} is no ${kind}`);
    }
    const op = length > opBytesMax ? undefined : parser.parse(start, start + length);
    if (op === undefined) {
      const refusal = length > opBytesMax ? opTooLarge(length, opBytesMax) : parser.refusal;
      verdicts.push({ index: ops.length, code: refusal.code, message: refusal.message });
    }
    ops.push(op);
    start += length;
  }
  return { kind: 'ops', ops, verdicts };
}

/**
 * The same ops from a committed entry: those with a verdict are skipped by their length and stay
 * undefined, everything else must be as the leader let it through. Throws a CodecError otherwise.
 */
export function decodeOpsForApply(
  bytes: Uint8Array,
  opCount: number,
  verdicts: readonly Verdict[],
): (Op | undefined)[] {
  const end = bytes.length - TAG_BYTES;
  // The value limit is a setting that may have changed since; the leader held the op against it.
  const parser = new OpParser(bytes, INTEGER_MAX);
  const ops: (Op | undefined)[] = [];
  let verdict = 0;
  let start = 0;
  while (start < end && ops.length < opCount) {
    parser.pos = start;
    const length = readLength(parser, end);
    if (length < 0) throw new CodecError(`op ${ops.length} is cut off`);
    start = parser.pos;
    if (verdicts[verdict]?.index === ops.length) {
      verdict++;
      ops.push(undefined);
    } else {
      ops.push(parseWrite(parser, start, start + length, ops.length));
    }
    start += length;
  }
  if (start !== end || ops.length !== opCount) {
    throw new CodecError(`the batch does not hold ${opCount} ops and a tag`);
  }
  if (verdict !== verdicts.length) throw new CodecError('a verdict names no op of the batch');
  return ops;
}

function parseWrite(parser: OpParser, start: number, end: number, index: number): Op {
  const op = isOtherKind(parser.bytes[start], 'write') ? undefined : parser.parse(start, end);
  if (op === undefined) throw new CodecError(`op ${index} is no write: ${parser.refusal.message}`);
  return op;
}

function isOtherKind(tag: number | undefined, kind: OpsKind): boolean {
  return kind === 'write'
    ? tag === OpTag.get || tag === OpTag.has
    : tag === OpTag.set || tag === OpTag.delete;
}

function opTooLarge(bytes: number, bytesMax: number): Refusal {
  const message = `the op has ${bytes} bytes, more than ${bytesMax}`;
  return { code: Code.TOO_LARGE, message };
}

function malformed(message: string): DecodedOps {
  return { kind: 'refused', code: Code.INVALID_ARGUMENT, message };
}

function tooLarge(message: string): DecodedOps {
  return { kind: 'refused', code: Code.TOO_LARGE, message };
}
