/** `/v1/batch`: up to 1,024 ops in one request, each with its own result; not atomic. */
import { BATCH_OPS_MAX, type Op, opFor } from '@cashe/codec';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { takeJsonBodies } from './body.js';
import type { ByteBudget } from './byte-budget.js';
import {
  failureOfError,
  type OutcomeText,
  outcomeTexts,
  publicFailure,
  refused,
} from './failure.js';
import type { CallContext, Gate } from './gate.js';
import type { RestLimits } from './limits.js';
import { readOf, writtenOf } from './outcomes.js';
import type { OpOutcome, RestPorts, RunOptions } from './ports.js';
import { jsonAnswer, objectOf, otherErrors, outcomeHeader, timeoutQuery } from './schemas.js';

interface BatchRouteOptions {
  readonly ports: RestPorts;
  readonly gate: Gate;
  readonly limits: RestLimits;
  readonly budget: ByteBudget;
}

interface BatchOp {
  readonly op: 'get' | 'has' | 'set' | 'delete';
  readonly key: string;
  readonly value?: string;
  readonly ttl_ms?: number;
  readonly keep_ttl?: boolean;
}

interface BatchBody {
  readonly ops: readonly BatchOp[];
  readonly consistency?: 'linearizable' | 'stale';
}

export function addBatchRoute(scope: FastifyInstance, options: BatchRouteOptions): void {
  const { ports, gate, limits, budget } = options;
  takeJsonBodies(scope, { budget, bytesMax: () => limits.jsonBytesMax });
  const work = async (
    request: FastifyRequest,
    reply: FastifyReply,
    context: CallContext,
  ): Promise<unknown> => {
    const { ops, consistency } = request.body as BatchBody;
    const isStale = consistency === 'stale';
    const outcomes = await runInOrder(ports, ops.map(opOf), { ...context, isStale });
    const results = resultsOf(ops, outcomes, limits.answerBytesMax);
    reply.header('cashe-outcome', outcomeOf(outcomes));
    return { results };
  };
  const kind = { verb: 'batch', kind: 'data' } as const;
  scope.post('/batch', { schema: batchSchema }, gate.handle(kind, work));
}

/**
 * A session's reads see the writes before them, and may see those after them, too: a write to a key
 * that was read before waits until that read is answered. Batches of one kind go in one piece.
 */
async function runInOrder(
  ports: RestPorts,
  ops: readonly Op[],
  options: RunOptions,
): Promise<readonly OpOutcome[]> {
  const deadlineMs = performance.now() + options.remainingMs;
  const outcomes: OpOutcome[] = [];
  for (const piece of piecesOf(ops)) {
    const remainingMs = Math.max(0, deadlineMs - performance.now());
    outcomes.push(...(await ports.run(piece, { ...options, remainingMs })));
  }
  return outcomes;
}

function piecesOf(ops: readonly Op[]): readonly (readonly Op[])[] {
  const pieces: Op[][] = [[]];
  let read = new Set<string>();
  for (const op of ops) {
    const isRead = op.kind === 'get' || op.kind === 'has';
    if (!isRead && read.has(op.key)) {
      pieces.push([]);
      read = new Set();
    }
    if (isRead) read.add(op.key);
    pieces.at(-1)?.push(op);
  }
  return pieces;
}

function opOf(one: BatchOp, index: number): Op {
  const { op, key, value, ttl_ms: ttlMs, keep_ttl: keepTtl = false } = one;
  const bad = (message: string): Error => {
    return refused('INVALID_ARGUMENT', `op ${index}: ${message}`, { index });
  };
  if (op !== 'set') {
    const extra = (['value', 'ttl_ms', 'keep_ttl'] as const).find(
      (name) => one[name] !== undefined,
    );
    if (extra !== undefined) throw bad(`${op} does not take ${extra}`);
    return opFor[op](key);
  }
  if (value === undefined) throw bad('set needs a value');
  if (ttlMs !== undefined && keepTtl) {
    throw bad('ttl_ms and keep_ttl are given; one of them is allowed');
  }
  const bytes = decodeBase64(value);
  if (bytes === undefined) throw bad('value is not base64 (RFC 4648, section 4, with padding)');
  return opFor.set(key, bytes, ttlMs ?? 0, keepTtl);
}

/** Strictly: Node skips what it does not know. */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  const padding = text.endsWith('==') ? 2 : Number(text.endsWith('='));
  const isWhole = text.length % 4 === 0 && bytes.length === (text.length / 4) * 3 - padding;
  return isWhole && !/[-_]/.test(text) ? bytes : undefined;
}

type Result = Readonly<Record<string, unknown>>;

function resultsOf(
  ops: readonly BatchOp[],
  outcomes: readonly OpOutcome[],
  bytesMax: number,
): readonly Result[] {
  let bytes = 0;
  return outcomes.map((outcome, index): Result => {
    if (outcome.kind === 'failed') {
      const failure = failureOfError(outcome.error);
      const { code, outcome: what } = publicFailure(failure);
      return { code, message: failure.message, outcome: what };
    }
    const op = ops[index]?.op;
    if (op === 'set') return { code: 'OK', revision: writtenOf(outcome).revision };
    if (op === 'delete') {
      const { found, revision } = writtenOf(outcome);
      return { code: 'OK', found, revision };
    }
    const { found, value, revision, version, ttlMs } = readOf(outcome).result;
    if (op === 'has' || !found) return { code: 'OK', found };
    const isFirst = bytes === 0;
    bytes += value.length + 1;
    if (bytes > bytesMax && !isFirst) return tooMuch(bytesMax);
    const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64');
    const hit = { code: 'OK', found, value: text, revision, version };
    return ttlMs === undefined ? hit : { ...hit, ttl_ms: ttlMs };
  });
}

function tooMuch(bytesMax: number): Result {
  const message = `the values have more than ${bytesMax} bytes together; ask for fewer keys`;
  return { code: 'RESOURCE_EXHAUSTED', message, outcome: 'not_committed' };
}

/** Of the batch as a whole; where its ops differ, each result says its own. */
function outcomeOf(outcomes: readonly OpOutcome[]): OutcomeText {
  const seen = new Set(
    outcomes.map((one) => (one.kind === 'failed' ? one.error.outcome : 'committed')),
  );
  const [only = 'committed'] = seen;
  return seen.size > 1 ? 'unknown' : outcomeTexts[only];
}

const opSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['op', 'key'],
  properties: {
    op: { type: 'string', enum: ['get', 'has', 'set', 'delete'] },
    key: { type: 'string', description: '1 to 1,024 bytes of UTF-8.' },
    value: { type: 'string', description: 'set only: base64 with padding.' },
    ttl_ms: {
      type: 'integer',
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'set only.',
    },
    keep_ttl: { type: 'boolean', description: 'set only.' },
  },
};

const resultSchema = objectOf(
  {
    code: { type: 'string', description: 'OK, or why this op failed.' },
    message: { type: 'string', description: 'Of a failed op.' },
    outcome: { type: 'string', description: 'Of a failed op: as the header Cashe-Outcome.' },
    found: { type: 'boolean', description: 'get, has and delete.' },
    value: { type: 'string', description: 'get that found: base64.' },
    revision: { type: 'integer', description: 'set, delete and get that found.' },
    version: { type: 'integer', description: 'get that found.' },
    ttl_ms: { type: 'integer', description: 'get that found; absent: it does not expire.' },
  },
  ['code'],
);

const batchSchema = {
  operationId: 'batch',
  summary: 'Several ops; each succeeds or fails alone',
  description:
    'Ops on one key take effect in their order. Values that do not fit into the answer are ' +
    'refused one by one with RESOURCE_EXHAUSTED; the first always fits.',
  querystring: timeoutQuery,
  body: {
    type: 'object',
    additionalProperties: false,
    required: ['ops'],
    properties: {
      ops: { type: 'array', maxItems: BATCH_OPS_MAX, items: opSchema },
      consistency: { type: 'string', enum: ['linearizable', 'stale'], description: 'Of reads.' },
    },
  },
  response: {
    200: jsonAnswer(
      'A result per op, in their order.',
      objectOf({ results: { type: 'array', items: resultSchema } }),
      outcomeHeader,
    ),
    ...otherErrors,
  },
};
