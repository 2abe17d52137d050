/**
 * Goal: entries do what R17-R19 say. Method: random logs of sets, deletes, TTLs, clock steps, lease
 * restarts and recency hints against the obvious model, compared after every entry.
 */
import { Code, opFor } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { checkInvariants, type Settings } from '../src/index.js';
import { Driver, defaultSettings, textOf } from './support/driver.js';
import { holds } from './support/holds.js';
import { Model } from './support/model.js';
import { play, type Step, stepArbitrary } from './support/script.js';

function compare(settings: Partial<Settings>, steps: readonly Step[]): void {
  const driver = new Driver(settings);
  const model = new Model({ ...defaultSettings, ...settings });
  for (const step of steps) {
    const answer = play(driver, step);
    model.entry(driver.clusterTimeMs, step.restartLeases, step.hints);
    const before = model.revision;
    const codes = step.ops.map((op) => model.apply(op));
    const refused = codes.flatMap((code, index) => (code === Code.OK ? [] : [{ index, code }]));
    expect(answer.exceptions.map(({ index, code }) => ({ index, code }))).toEqual(refused);
    expect(answer.firstRevision).toBe(model.revision > before ? before + 1 : 0);
    compareState(driver, model);
  }
}

function compareState(driver: Driver, model: Model): void {
  const { machine } = driver;
  checkInvariants(machine);
  const { bytes, entries, revision } = machine.stats();
  expect({ bytes, entries, revision }).toEqual({
    bytes: model.bytes(),
    entries: model.records.size,
    revision: model.revision,
  });
  for (let at = 0; at < 12; at++) {
    const key = `k${at}`;
    const found = model.find(key);
    const read = machine.read(opFor.get(key), 0);
    expect({ ...read, value: textOf(read) }).toMatchObject({
      found: found !== undefined,
      value: found?.value,
      revision: found?.revision ?? 0,
      version: found?.version ?? 0,
      ttlMs: found && found.ttlMs > 0 ? found.expireAtMs - model.nowMs : undefined,
    });
  }
}

const steps = fc.array(stepArbitrary, { minLength: 1, maxLength: 40 });

describe('against a naive model (R10, R17, R18, R19)', () => {
  it.each<[string, Partial<Settings>]>([
    ['without limits', {}],
    ['with a limit of entries', { entriesMax: 5 }],
    ['with a limit of bytes', { bytesMax: 500 }],
    ['with a limit that some records exceed alone', { bytesMax: 90 }],
    ['with noeviction and a limit of bytes', { bytesMax: 500, eviction: 'noeviction' }],
    ['with noeviction and a limit of entries', { entriesMax: 4, eviction: 'noeviction' }],
  ])('%s', (_name, settings) => {
    holds(
      fc.property(steps, (log) => compare(settings, log)),
      { numRuns: 60 },
    );
  });
});
