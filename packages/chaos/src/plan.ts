/** What callers do next: ops on few keys that all share and that change every few seconds. */
import type { SeededRandom } from '@cashe/simulator';
import type { Call } from './recorder.js';

/** The history of one key stays short enough to be checked. */
const epochMs = 4_000;
const plainKeys = 8;
const leasedKeys = 4;
const ttlMsMin = 50;
const ttlMsMax = 1_500;
const manyMax = 5;

export type Plan =
  | { readonly kind: 'one'; readonly call: Call }
  /** Of one kind, with distinct keys. */
  | { readonly kind: 'many'; readonly calls: readonly Call[] };

/** The values of a run: every set writes another one. */
export class ValueNames {
  #count = 0;

  next(client: string): string {
    this.#count += 1;
    return `${client}.${this.#count}`;
  }
}

export interface Planner {
  readonly client: string;
  readonly random: SeededRandom;
  readonly values: ValueNames;
  /** SDK calls for many keys; else only single ones. */
  readonly hasMany: boolean;
}

export function nextPlan(planner: Planner, nowMs: number): Plan {
  const { random, hasMany } = planner;
  if (!hasMany || random.chance(0.9)) return { kind: 'one', call: oneCall(planner, nowMs) };
  const kind = random.pick(['set', 'get', 'delete'] as const);
  const keys = new Set<string>();
  const count = 2 + random.below(manyMax - 1);
  while (keys.size < count) keys.add(plainKey(random, epochOf(nowMs)));
  return { kind: 'many', calls: [...keys].map((key) => callOf(planner, kind, key)) };
}

/** A read of a key that is being written now. */
export function probeOf({ client, random }: Planner, nowMs: number): Call {
  return { client, kind: 'get', key: plainKey(random, epochOf(nowMs)) };
}

function oneCall(planner: Planner, nowMs: number): Call {
  const { random } = planner;
  const epoch = epochOf(nowMs);
  // What was written before, and is not any more: late effects would show.
  if (random.chance(0.05) && epoch > 0) {
    return callOf(planner, 'get', anyKey(random, epoch - 1));
  }
  return callOf(planner, kindOf(random), anyKey(random, epoch));
}

function kindOf(random: SeededRandom): Call['kind'] {
  if (random.chance(0.5)) return random.chance(0.85) ? 'get' : 'has';
  return random.chance(0.8) ? 'set' : 'delete';
}

function callOf({ client, random, values }: Planner, kind: Call['kind'], key: string): Call {
  if (kind !== 'set') return { client, kind, key };
  const value = values.next(client);
  const isLeased = key.startsWith('leased') && random.chance(0.7);
  if (!isLeased) return { client, kind, key, value };
  return { client, kind, key, value, ttlMs: Math.round(random.between(ttlMsMin, ttlMsMax)) };
}

function anyKey(random: SeededRandom, epoch: number): string {
  if (random.chance(0.8)) return plainKey(random, epoch);
  return `leased-${epoch}-${random.below(leasedKeys)}`;
}

function plainKey(random: SeededRandom, epoch: number): string {
  return `plain-${epoch}-${random.below(plainKeys)}`;
}

function epochOf(nowMs: number): number {
  return Math.floor(nowMs / epochMs);
}
