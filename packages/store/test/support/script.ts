import { opFor } from '@cashe/codec';
import * as fc from 'fast-check';
import { type Driver, setOp } from './driver.js';
import type { ModelOp } from './model.js';

/** One entry of a random log. */
export interface Step {
  readonly elapsedMs: number;
  readonly restartLeases: boolean;
  readonly hints: readonly string[];
  readonly ops: readonly ModelOp[];
}

const key = fc.integer({ min: 0, max: 11 }).map((at) => `k${at}`);
const value = fc.integer({ min: 0, max: 40 }).map((size) => 'v'.repeat(size));
const lease = fc.oneof(
  fc.constant({ ttlMs: 0, keepTtl: false }),
  fc.constant({ ttlMs: 0, keepTtl: true }),
  fc.integer({ min: 1, max: 30 }).map((ttlMs) => ({ ttlMs, keepTtl: false })),
);
const op: fc.Arbitrary<ModelOp> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(key, value, lease).map(toSet) },
  { weight: 1, arbitrary: key.map((name) => ({ kind: 'delete' as const, key: name })) },
);

export const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  elapsedMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 })),
  restartLeases: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
  hints: fc.array(key, { maxLength: 3 }),
  ops: fc.array(op, { minLength: 1, maxLength: 6 }),
});

export function play(driver: Driver, step: Step): ReturnType<Driver['write']> {
  driver.clusterTimeMs += step.elapsedMs;
  const { hints, restartLeases } = step;
  return driver.write(step.ops.map(toOp), { recencyHints: hints, restartLeases });
}

function toSet([name, content, terms]: [string, string, { ttlMs: number; keepTtl: boolean }]) {
  return { kind: 'set' as const, key: name, value: content, ...terms };
}

function toOp(modelOp: ModelOp): ReturnType<typeof setOp> {
  if (modelOp.kind === 'delete') return opFor.delete(modelOp.key);
  return setOp(modelOp.key, modelOp.value, modelOp.ttlMs, modelOp.keepTtl);
}
