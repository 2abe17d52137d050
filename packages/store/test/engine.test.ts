/** The engine's contract where no entry reaches it yet, and its physical side. */
import { opFor } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import { Engine } from '../src/engine/engine.js';
import type { CacheRecord } from '../src/engine/record.js';
import { storedValue } from '../src/engine/value-pages.js';
import { defaultSettings, setOp } from './support/driver.js';

function engineOf(keys: readonly string[]): Engine {
  const engine = new Engine(defaultSettings, 1);
  for (const key of keys) engine.set(setOp(key, 'v', 100));
  return engine;
}

function contentOf(record: CacheRecord | undefined): string | undefined {
  return record && Buffer.from(storedValue(record)).toString();
}

function sealedKeys(engine: Engine): string[] {
  const keys: string[] = [];
  for (let record = engine.nextSealed(); record !== undefined; record = engine.nextSealed()) {
    keys.push(record.key);
  }
  return keys;
}

describe('clear', () => {
  it('leaves an empty engine that goes on counting', () => {
    const engine = engineOf(['a', 'b']);
    const { moves } = engine.list;
    engine.clear();
    expect(engine).toMatchObject({ entries: 0, bytes: 0, revision: 3, hasLeases: false });
    expect(engine.sum).toMatchObject({ high: 0, low: 0 });
    expect(engine.list.moves).toBe(moves);
    engine.set(setOp('a', 'v'));
    expect(engine.find('a', 0)?.version).toBe(1);
  });

  it('does not disturb a seal', () => {
    const engine = engineOf(['a', 'b', 'c']);
    engine.seal();
    expect(engine.nextSealed()?.key).toBe('a');
    engine.set(setOp('b', 'w'));
    engine.clear();
    engine.set(setOp('d', 'w'));
    expect(sealedKeys(engine)).toEqual(['b', 'c']);
  });

  it('ends a restart of leases', () => {
    const engine = engineOf(['a']);
    engine.restartLeases();
    engine.clear();
    expect(engine.nextExpiryMs()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('ghosts of a seal that is given up', () => {
  it('are dropped in bounded steps', () => {
    const keys = Array.from({ length: 20_000 }, (_, at) => `k${at}`);
    const engine = engineOf(keys);
    engine.seal();
    for (const key of keys) engine.use(key);
    expect(engine.list.ghostCount).toBe(20_000);
    engine.unseal();
    engine.maintain();
    expect(engine.list.ghostCount).toBe(20_000 - 8192);
    engine.maintain();
    engine.maintain();
    expect(engine.list.ghostCount).toBe(0);
  });

  it('are not shown by the next one', () => {
    const engine = engineOf(['a', 'b']);
    engine.seal();
    engine.set(setOp('a', 'w'));
    engine.delete('b');
    engine.unseal();
    engine.seal();
    expect(sealedKeys(engine)).toEqual(['a']);
    expect(engine.list.ghostCount).toBe(0);
  });
});

describe('a restart of leases during a seal', () => {
  it('leaves the sealed leases and the order alone', () => {
    const engine = engineOf(['a', 'b', 'c']);
    engine.seal();
    engine.nowMs = 40;
    engine.restartLeases();
    engine.maintain();
    const sealed: CacheRecord[] = [];
    for (let record = engine.nextSealed(); record !== undefined; record = engine.nextSealed()) {
      sealed.push(record);
    }
    expect(sealed.map(({ key, expireAtMs }) => [key, expireAtMs])).toEqual([
      ['a', 100],
      ['b', 100],
      ['c', 100],
    ]);
    engine.seal();
    expect(sealedKeys(engine)).toEqual(['a', 'b', 'c']);
    expect(engine.nextExpiryMs()).toBe(140);
  });
});

describe('a million keys due at once (R34)', () => {
  it('go in portions of the size asked for', () => {
    const count = 1_000_000;
    const portion = 2000;
    const engine = new Engine(defaultSettings, 1);
    for (let at = 0; at < count; at++) engine.set(opFor.set(`k${at}`, new Uint8Array(0), 100));
    engine.nowMs = 100;
    const { revision } = engine;
    for (let done = portion; done <= count; done += portion) {
      engine.expirePortion(portion);
      if (engine.entries !== count - done) throw new Error(`${engine.entries} left after ${done}`);
    }
    expect(engine).toMatchObject({ entries: 0, bytes: 0, expiries: count, hasLeases: false });
    expect(engine.revision).toBe(revision + count / portion);
    expect(engine.sum).toMatchObject({ high: 0, low: 0 });
  });
});

describe('value pages (R21)', () => {
  it('move what is left of sparse pages, and keep every value', () => {
    const engine = new Engine(defaultSettings, 1);
    const count = 5000;
    for (let at = 0; at < count; at++) engine.set(setOp(`k${at}`, `value${at}`.repeat(10)));
    const pageBefore = engine.find('k1', 0)?.page;
    for (let at = 0; at < count; at++) if (at % 5 !== 1) engine.delete(`k${at}`);
    engine.maintain();
    expect(engine.find('k1', 0)?.page).not.toBe(pageBefore);
    expect(pageBefore?.residents).toEqual([]);
    for (let at = 1; at < count; at += 5) {
      const record = engine.find(`k${at}`, 0);
      if (contentOf(record) !== `value${at}`.repeat(10)) throw new Error(`k${at} is wrong`);
    }
  });

  it('move values whose records were replaced during a seal, but not those of ghosts', () => {
    const engine = new Engine(defaultSettings, 1);
    const count = 2000;
    for (let at = 0; at < count; at++) engine.set(setOp(`k${at}`, `value${at}`.padEnd(100)));
    const page = engine.find('k0', 0)?.page;
    engine.seal();
    for (let at = 0; at < count; at++) engine.use(`k${at}`);
    for (let at = 1; at < count; at++) engine.delete(`k${at}`);
    engine.maintain();
    expect(engine.find('k0', 0)?.page).not.toBe(page);
    for (let at = 0; at < count; at++) {
      const content = contentOf(engine.nextSealed());
      if (content !== `value${at}`.padEnd(100)) throw new Error(`k${at} is wrong`);
    }
  });

  it('keep about twice what lives, whatever is overwritten', () => {
    const engine = new Engine(defaultSettings, 1);
    const pages = new Set<unknown>();
    for (let round = 0; round < 50; round++) {
      for (let at = 0; at < 1000; at++) engine.set(setOp(`k${at}`, `${round}`.padEnd(100)));
      engine.maintain();
    }
    for (let at = 0; at < 1000; at++) pages.add(engine.find(`k${at}`, 0)?.page);
    expect(pages.size).toBeLessThan(6);
    expect(engine.find(opFor.get('k5').key, 0)?.version).toBe(50);
  });
});
