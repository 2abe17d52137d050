/** Calls through the SDK, recorded. */
import { type Cashe, CasheError } from '@cashe/client';
import type { HistoryOutcome, HistoryResult } from '@cashe/simulator';
import type { Plan } from './plan.js';
import type { Call, Recorder } from './recorder.js';

export const sdkTimeoutMs = 3_000;
/** The callers share two cores with the nodes. */
const settleSlackMs = 3_000;
/** What faults explain; any other code is a surprise. */
const expectedCodes: readonly string[] = [
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'UNKNOWN_OUTCOME',
  'ABORTED',
];

export async function callSdk(cashe: Cashe, recorder: Recorder, plan: Plan): Promise<void> {
  const startMs = performance.now();
  await (plan.kind === 'one'
    ? callOne(cashe, recorder, plan.call)
    : callMany(cashe, recorder, plan.calls));
  const tookMs = performance.now() - startMs;
  if (tookMs > sdkTimeoutMs + settleSlackMs) {
    recorder.surprise(`a call settled after ${Math.round(tookMs)} of ${sdkTimeoutMs} ms (R31)`);
  }
}

async function callOne(cashe: Cashe, recorder: Recorder, call: Call): Promise<void> {
  const id = recorder.begin(call);
  try {
    recorder.settle(id, 'ok', await resultOf(cashe, call));
  } catch (error) {
    fail(recorder, id, call, error);
  }
}

async function resultOf(cashe: Cashe, call: Call): Promise<HistoryResult> {
  const { key, value = '', ttlMs } = call;
  switch (call.kind) {
    case 'set':
      return cashe.set(key, value, ttlMs === undefined ? {} : { ttlMs });
    case 'delete':
      return { found: await cashe.delete(key) };
    case 'has':
      return { found: await cashe.has(key) };
    case 'get': {
      const entry = await cashe.getEntry(key);
      return { value: entry?.value, version: entry?.version, revision: entry?.revision };
    }
  }
}

async function callMany(cashe: Cashe, recorder: Recorder, calls: readonly Call[]): Promise<void> {
  const ids = calls.map((call) => recorder.begin(call));
  try {
    const results = await resultsOf(cashe, calls);
    for (const [at, id] of ids.entries()) recorder.settle(id, 'ok', results[at] ?? {});
  } catch (error) {
    // What one of the keys had as its result is not told when another failed.
    for (const [at, id] of ids.entries()) {
      const call = calls[at];
      if (call === undefined) continue;
      const own = error instanceof CasheError ? (error.errors ?? []) : [];
      if (own.length > 0 && own[at] === undefined) settleDone(recorder, id, call);
      else fail(recorder, id, call, own[at] ?? error);
    }
  }
}

async function resultsOf(cashe: Cashe, calls: readonly Call[]): Promise<HistoryResult[]> {
  const keys = calls.map(({ key }) => key);
  switch (calls[0]?.kind) {
    case 'set':
      return cashe.setMany(calls.map(({ key, value = '' }) => [key, value] as const));
    case 'delete':
      return (await cashe.deleteMany(keys)).map((found) => ({ found }));
    default:
      return (await cashe.getMany(keys)).map((value) => ({ value }));
  }
}

/** A write took effect; what a read saw is not known. */
function settleDone(recorder: Recorder, id: number, { kind }: Call): void {
  recorder.settle(id, kind === 'get' ? 'notCommitted' : 'ok', {});
}

function fail(recorder: Recorder, id: number, call: Call, error: unknown): void {
  if (!(error instanceof CasheError)) throw error;
  recorder.settle(id, outcomeOf(call, error));
  recorder.failed(error.code);
  if (!expectedCodes.includes(error.code)) {
    recorder.surprise(`${call.kind} ${call.key}: ${error.message}`);
  }
}

/** R29: an error may say that the write took effect. */
function outcomeOf({ kind }: Call, { outcome }: CasheError): HistoryOutcome {
  const isRead = kind === 'get' || kind === 'has';
  return outcome === 'committed' ? (isRead ? 'notCommitted' : 'ok') : outcome;
}
