/** Answers of the unary KV methods, from what became of their ops. */
import type { CasheError } from '@cashe/client/core';
import { Code, Outcome, type ReadResult } from '@cashe/codec';
import type {
  DeleteManyResult,
  DeleteResponse,
  GetManyResult,
  GetResponse,
  HasResponse,
  SetManyResult,
  SetResponse,
} from '@cashe/proto';
import { outcomeNumber } from './failure.js';
import type { OpOutcome } from './op-run.js';

/** The generated types hold bytes that are not shared with a worker; views on those are. */
type Bytes = GetResponse['value'];

const noBytes: Bytes = new Uint8Array(0);

/** Throws what the op failed with. */
export function getResponse(outcome: OpOutcome | undefined): GetResponse {
  const { found, value, revision, version, ttlMs } = readOf(outcome);
  return { found, value: value as Bytes, revision, version, ttlMs };
}

export function hasResponse(outcome: OpOutcome | undefined): HasResponse {
  return { found: readOf(outcome).found };
}

export function setResponse(outcome: OpOutcome | undefined): SetResponse {
  return { revision: writtenOf(outcome).revision };
}

export function deleteResponse(outcome: OpOutcome | undefined): DeleteResponse {
  const { found, revision } = writtenOf(outcome);
  return { found, revision };
}

/**
 * One result per key. The answer is one message: values beyond `bytesMax` are refused, each for
 * itself, so that a caller gets what fits and knows what to ask for again. The first always fits.
 */
export function getManyResults(
  outcomes: readonly OpOutcome[],
  bytesMax: number,
): readonly GetManyResult[] {
  let bytes = 0;
  return outcomes.map((outcome) => {
    if (outcome.kind === 'failed') return { ...missResult, ...failed(outcome.error) };
    const { found, value, revision, version, ttlMs } = readOf(outcome);
    const isFirst = bytes === 0;
    bytes += resultOverheadBytes + value.length;
    if (bytes > bytesMax && !isFirst) return tooMuch(bytesMax);
    const message = '';
    return { code: Code.OK, message, found, value: value as Bytes, revision, version, ttlMs };
  });
}

export function setManyResults(outcomes: readonly OpOutcome[]): readonly SetManyResult[] {
  return outcomes.map((outcome) => {
    if (outcome.kind === 'failed') return { revision: 0, ...failed(outcome.error) };
    return { ...succeeded, revision: writtenOf(outcome).revision };
  });
}

export function deleteManyResults(outcomes: readonly OpOutcome[]): readonly DeleteManyResult[] {
  return outcomes.map((outcome) => {
    if (outcome.kind === 'failed') return { found: false, revision: 0, ...failed(outcome.error) };
    const { found, revision } = writtenOf(outcome);
    return { ...succeeded, found, revision };
  });
}

const resultOverheadBytes = 64;
const succeeded = { code: Code.OK, message: '', outcome: Outcome.UNSPECIFIED } as const;

const missResult: GetManyResult = {
  code: Code.OK,
  message: '',
  found: false,
  value: noBytes,
  revision: 0,
  version: 0,
  ttlMs: undefined,
};

function tooMuch(bytesMax: number): GetManyResult {
  const message = `the values have more than ${bytesMax} bytes together; ask for fewer keys`;
  return { ...missResult, code: Code.RESOURCE_EXHAUSTED, message };
}

interface FailedResult {
  readonly code: Code;
  readonly message: string;
  readonly outcome: Outcome;
}

function failed(error: CasheError): FailedResult {
  return { code: codeOf(error), message: error.message, outcome: outcomeNumber(error.outcome) };
}

/** Two codes are a client's own: here they would be about this node's session with itself. */
function codeOf({ code }: CasheError): Code {
  if (code === 'CLOSED') return Code.UNAVAILABLE;
  return code === 'UNAUTHENTICATED' ? Code.PERMISSION_DENIED : Code[code];
}

function readOf(outcome: OpOutcome | undefined): ReadResult {
  if (outcome?.kind === 'failed') throw outcome.error;
  if (outcome?.kind !== 'read') throw new Error('a read was settled as something else');
  return outcome.result;
}

function writtenOf(outcome: OpOutcome | undefined): Extract<OpOutcome, { kind: 'written' }> {
  if (outcome?.kind === 'failed') throw outcome.error;
  if (outcome?.kind !== 'written') throw new Error('a write was settled as something else');
  return outcome;
}
