// The reference state machine and the real one, held against each other entry by entry: they were
// written apart, so what they agree on is what the rules say (R14, R16-R19). And the ledger is
// told of what a replica did wrong, to see that it notices.
import {
  type BatchEnvelope,
  type EntryCommand,
  encodeEntry,
  FORMAT_VERSION,
  type Op,
  OpsEncoder,
  openPolicy,
  opFor,
  type SettingsChanges,
} from '@cashe/codec';
import { createStore, type Settings, type StateMachine } from '@cashe/store';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { History } from '../../src/checker/history.js';
import { LeaseCheck } from '../../src/reference/lease-check.js';
import { Ledger } from '../../src/reference/ledger.js';

const settings: Settings = {
  entriesMax: 4,
  bytesMax: 600,
  eviction: 'lru',
  replicationFactor: 3,
  valueBytesMax: 1024 * 1024,
  sessionsMax: 2,
  sessionWindow: 3,
  sessionBytesMax: 1024 * 1024,
  sessionIdleMs: 40,
};

interface Step {
  readonly elapsedMs: number;
  readonly restarts: boolean;
  readonly hint: number;
  readonly command: 'open' | 'close' | 'change' | 'access' | undefined;
  readonly changes: SettingsChanges;
  readonly session: number;
  readonly sequence: number;
  readonly settled: number;
  readonly crc: number;
  readonly ops: readonly { readonly kind: number; readonly key: number; readonly ttlMs: number }[];
}

const COMMANDS = ['open', 'close', 'change', 'access'] as const;
const changes: fc.Arbitrary<SettingsChanges> = fc.record(
  {
    entriesMax: fc.nat(5),
    bytesMax: fc.integer({ min: 100, max: 900 }),
    eviction: fc.constantFrom('lru' as const, 'noeviction' as const),
    sessionsMax: fc.integer({ min: 1, max: 4 }),
    sessionWindow: fc.integer({ min: 1, max: 8 }),
    sessionIdleMs: fc.integer({ min: 1, max: 60 }),
  },
  { requiredKeys: [] },
);
const small = fc.nat(3);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    elapsedMs: fc.nat(30),
    restarts: fc.integer({ min: 0, max: 19 }).map((chance) => chance === 0),
    hint: fc.nat(6),
    command: fc.constantFrom(...COMMANDS, undefined, undefined, undefined, undefined, undefined),
    changes,
    session: small,
    sequence: fc.integer({ min: 1, max: 8 }),
    settled: small,
    crc: fc.nat(1),
    ops: fc.array(fc.record({ kind: fc.nat(9), key: fc.nat(6), ttlMs: fc.nat(50) }), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
  { maxLength: 60 },
);

function entriesOf(list: readonly Step[]): Uint8Array[] {
  const opened: number[] = [];
  let clusterTimeMs = 0;
  return list.map((step, at) => {
    clusterTimeMs += step.elapsedMs;
    const session = opened[step.session % Math.max(1, opened.length)] ?? 99;
    if (step.command === 'open') opened.push(at + 1);
    const payload = payloadOf(step, at, session);
    return encodeEntry({
      header: {
        formatVersion: FORMAT_VERSION,
        clusterTimeMs,
        restartLeases: step.restarts,
        envelopes: payload.envelopes,
        recencyHints: [`k${step.hint}`],
        digest: undefined,
        command: commandOf(step, session),
      },
      batches: payload.batches,
    });
  });
}

function payloadOf(
  { command, sequence, settled, crc, ops }: Step,
  at: number,
  session: number,
): { readonly envelopes: BatchEnvelope[]; readonly batches: Uint8Array[] } {
  if (command !== undefined) return { envelopes: [], batches: [] };
  const encoder = new OpsEncoder();
  for (const [place, op] of ops.entries()) encoder.add(opOf(op, `${at}.${place}`));
  const rest = { session, sequence, crc, principal: 'anonymous', verdicts: [] };
  const firstOutstanding = Math.max(1, sequence - settled);
  const tag = Uint8Array.from([at >> 8, at & 255, 0, 0, 0, 0, 0, 0]);
  return {
    envelopes: [{ ...rest, firstOutstanding, opCount: ops.length }],
    batches: [encoder.finish(tag)],
  };
}

function opOf({ kind, key, ttlMs }: Step['ops'][number], value: string): Op {
  if (kind === 0) return opFor.delete(`k${key}`);
  const bytes = new TextEncoder().encode(value.padEnd(kind * 20, '.'));
  return opFor.set(`k${key}`, bytes, kind > 6 ? ttlMs : 0, kind === 6);
}

function commandOf(step: Step, session: number): EntryCommand | undefined {
  const { command, sequence } = step;
  if (command === 'change') {
    return { kind: 'changeSettings', changes: step.changes, revision: 0 };
  }
  if (command === 'access') {
    const roles = [{ name: `r${step.hint}`, grants: [] }];
    const policy = { ...openPolicy, roles };
    return { kind: 'setAccess', policy, expectedRevision: sequence };
  }
  if (command === 'open') return { kind: 'openSession', owner: 'anonymous' };
  if (command === 'close') return { kind: 'closeSession', session, principal: 'anonymous' };
  return undefined;
}

function storeOf(eviction: Settings['eviction']): StateMachine {
  return createStore({
    groupId: 0,
    hashSeed: 1,
    settings: { ...settings, eviction },
    nodes: [],
    access: openPolicy,
  });
}

describe('the reference state machine', () => {
  it.each(['lru', 'noeviction'] as const)('does what the real one does: %s', (eviction) => {
    fc.assert(
      fc.property(steps, (list) => {
        const ledger = new Ledger({ ...settings, eviction }, openPolicy, new History());
        const store = storeOf(eviction);
        for (const [at, data] of entriesOf(list).entries()) {
          const entry = { index: at + 1, term: 1, kind: 'normal', data } as const;
          const result = store.apply(entry.index, data, undefined);
          ledger.applied('n0', entry, { result, store }, at);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the ledger', () => {
  const set = { kind: 9, key: 1, ttlMs: 0 };
  const rest = { session: 0, settled: 0, crc: 0, changes: {} };
  const plain = { elapsedMs: 1, restarts: false, hint: 0, ...rest };
  const open: Step = { ...plain, command: 'open', sequence: 1, ops: [] };
  const write: Step = { ...plain, command: undefined, sequence: 1, ops: [set] };

  function replay(
    list: readonly Step[],
    change: (data: Uint8Array, at: number) => Uint8Array,
  ): void {
    const ledger = new Ledger(settings, openPolicy, new History());
    const [one, other] = [storeOf('lru'), storeOf('lru')];
    for (const [at, data] of entriesOf(list).entries()) {
      const entry = { index: at + 1, term: 1, kind: 'normal', data } as const;
      const result = one.apply(entry.index, data, undefined);
      ledger.applied('n0', entry, { result, store: one }, at);
      const changed = other.apply(entry.index, change(data, at), undefined);
      ledger.applied('n1', entry, { result: changed, store: other }, at);
    }
  }

  it('accepts replicas that do the same', () => {
    expect(() => replay([open, write], (data) => data)).not.toThrow();
  });

  it('refutes a replica that answers otherwise', () => {
    const others = entriesOf([open, { ...write, sequence: 3, settled: 2 }]);
    const change = (data: Uint8Array, at: number): Uint8Array => others[at] ?? data;
    expect(() => replay([open, write], change)).toThrow('n1, entry 2: batch 0 was answered');
  });

  it('refutes a replica that counts otherwise', () => {
    const others = entriesOf([{ ...open, elapsedMs: 9 }]);
    const change = (data: Uint8Array, at: number): Uint8Array => others[at] ?? data;
    expect(() => replay([open], change)).toThrow('clusterTimeMs is 9, expected 1');
  });

  it('refutes a gap: an entry is applied that nobody had committed', () => {
    const [data] = entriesOf([open]);
    const entry = { index: 2, term: 1, kind: 'normal', data: data ?? new Uint8Array(0) } as const;
    const ledger = new Ledger(settings, openPolicy, new History());
    const made = { result: undefined, store: storeOf('lru') };
    expect(() => ledger.applied('n0', entry, made, 0)).toThrow('nobody has applied 1');
  });

  it('refutes a batch that executes under another number again', () => {
    const ledger = new Ledger(settings, openPolicy, new History());
    const store = storeOf('lru');
    const apply = (index: number, data: Uint8Array): void => {
      const result = store.apply(index, data, undefined);
      ledger.applied('n0', { index, term: 1, kind: 'normal', data }, { result, store }, index);
    };
    const [opens, writes] = entriesOf([open, write]);
    const again = entriesOf([open, { ...write, sequence: 2 }])[1];
    apply(1, opens as Uint8Array);
    apply(2, writes as Uint8Array);
    expect(() => apply(3, again as Uint8Array)).toThrow('executed at 2 and at 3');
  });
});

describe('leases (I10)', () => {
  const record = { value: 'v', bytes: 70, revision: 1, version: 1, ttlMs: 100, expireAtMs: 100 };
  const began = { kind: 'set', key: 'k', revision: 1, record } as const;
  const ended = { kind: 'expire', key: 'k', revision: 2, record: undefined } as const;

  function leased(): LeaseCheck {
    const leases = new LeaseCheck();
    leases.called('v', 1_000);
    leases.onEffect(began, 1, 1_010);
    return leases;
  }

  it('may end once their time has passed since the call, and not before', () => {
    expect(() => leased().onEffect(ended, 1, 1_100)).not.toThrow();
    expect(() => leased().onEffect(ended, 1, 1_090)).toThrow('expired at 1090 ms');
    expect(() => leased().hidden('k', 1_090)).toThrow('expired at 1090 ms');
  });

  it('have ended for who calls their time after they began, under one leader', () => {
    expect(() => leased().found('k', record, 1_110, 1)).not.toThrow();
    expect(() => leased().found('k', record, 1_120, 1)).toThrow('was found by a call at 1120 ms');
    expect(() => leased().found('k', record, 1_120, 2)).not.toThrow();
  });

  it('begin again with a set, and end with one that has no TTL', () => {
    const leases = leased();
    leases.onEffect({ ...began, record: { ...record, value: 'w', ttlMs: 0 } }, 1, 1_020);
    expect(() => leases.onEffect(ended, 1, 1_030)).not.toThrow();
  });
});
