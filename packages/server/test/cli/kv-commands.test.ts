import { describe, expect, it } from '@jest/globals';
import { CommandError, exitCodeOf, exitCodes } from '../../src/cli/exit-codes.js';
import { type KvApi, kvActions } from '../../src/cli/kv-commands.js';
import { fakeIo } from '../support/cli.js';

const call = { endpoints: ['localhost:3000'], timeoutMs: 5_000 };
const raw = Uint8Array.of(0, 10, 255, 13, 0x80);

interface Opened {
  readonly values: Map<string, Uint8Array | string>;
  readonly log: string[];
  open(): Promise<KvApi>;
}

function opened(values: ReadonlyMap<string, Uint8Array | string> = new Map()): Opened {
  const kept = new Map(values);
  const log: string[] = [];
  const api: KvApi = {
    get: async (key) => {
      const value = kept.get(key);
      return value === undefined ? undefined : Buffer.from(value);
    },
    set: async (key, value, ttl) => {
      if (key === 'bad') throw new CommandError(exitCodes.refused, 'INVALID_ARGUMENT: bad');
      kept.set(key, value);
      log.push(`set ${JSON.stringify(ttl.ttlMs)} ${ttl.keepTtl}`);
    },
    delete: async (key) => kept.delete(key),
    close: async () => {
      log.push('close');
    },
  };
  return { values: kept, log, open: async () => api };
}

describe('get', () => {
  it('writes exactly the bytes of the value', async () => {
    const io = fakeIo();
    const kv = opened(new Map([['k', raw]]));
    expect(await kvActions(kv.open, io).get('k', { ...call, stale: false })).toBe(0);
    expect(io.out.join('')).toBe(Buffer.from(raw).toString('latin1'));
    expect(kv.log).toEqual(['close']);
  });

  it('ends the line for people only', async () => {
    const io = fakeIo({ terminal: true });
    const kv = opened(new Map([['k', 'v']]));
    await kvActions(kv.open, io).get('k', { ...call, stale: false });
    expect(io.out.join('')).toBe('v\n');
  });

  it('of a missing key is exit code 1, one line on stderr and nothing on stdout', async () => {
    const io = fakeIo();
    const code = await kvActions(opened().open, io).get('k\n', { ...call, stale: false });
    expect(code).toBe(1);
    expect(io.out).toEqual([]);
    expect(io.complaints).toEqual(['cashe: no key "k\\n"']);
  });
});

describe('set', () => {
  const options = { ...call, ttlMs: 5, keepTtl: false };

  it('stores the argument', async () => {
    const kv = opened();
    expect(await kvActions(kv.open, fakeIo()).set('k', 'v', options)).toBe(0);
    expect(kv.values).toEqual(new Map([['k', 'v']]));
    expect(kv.log).toEqual(['set 5 false', 'close']);
  });

  it('stores an empty argument as an empty value', async () => {
    const kv = opened();
    await kvActions(kv.open, fakeIo({ stdin: raw })).set('k', '', options);
    expect(kv.values).toEqual(new Map([['k', '']]));
  });

  it('stores standard input byte by byte', async () => {
    const kv = opened();
    await kvActions(kv.open, fakeIo({ stdin: raw })).set('k', undefined, options);
    expect(kv.values).toEqual(new Map([['k', raw]]));
  });

  it('refuses endless input before it asks anybody', async () => {
    const kv = opened();
    const io = fakeIo({ stdin: new Uint8Array(8 * 1024 * 1024 + 1) });
    await expect(kvActions(kv.open, io).set('k', undefined, options)).rejects.toMatchObject({
      exitCode: exitCodes.refused,
    });
    expect(kv.log).toEqual([]);
  });

  it('closes the client also when it fails', async () => {
    const kv = opened();
    await expect(kvActions(kv.open, fakeIo()).set('bad', 'v', options)).rejects.toThrow('bad');
    expect(kv.log).toEqual(['close']);
  });
});

describe('delete', () => {
  it('is exit code 1 when there was nothing', async () => {
    const kv = opened(new Map([['k', 'v']]));
    const io = fakeIo();
    expect(await kvActions(kv.open, io).delete('k', call)).toBe(0);
    expect(await kvActions(kv.open, io).delete('k', call)).toBe(1);
    expect(io.complaints).toEqual(['cashe: no key "k"']);
  });
});

describe('the exit code of a failed call', () => {
  it.each([
    ['UNAVAILABLE', false, 3],
    ['DEADLINE_EXCEEDED', false, 3],
    ['ABORTED', false, 3],
    ['CLOSED', false, 3],
    ['UNKNOWN_OUTCOME', true, 4],
    ['UNAVAILABLE', true, 4],
    ['UNKNOWN', true, 4],
    ['TOO_LARGE', false, 5],
    ['INVALID_ARGUMENT', false, 5],
    ['RESOURCE_EXHAUSTED', false, 5],
    ['PERMISSION_DENIED', false, 5],
    ['FAILED_PRECONDITION', true, 5],
  ])('%s, unknown=%j is %i', (code, unknown, expected) => {
    expect(exitCodeOf(code, unknown)).toBe(expected);
  });
});
