import {
  type BatchEnvelope,
  Code,
  Consistency,
  type EntryCommand,
  type EntryPayload,
  FORMAT_VERSION,
  type Op,
  Outcome,
  opFor,
  type ReadAnswer,
  type ReadBatch,
  type SessionAnswer,
  type SessionRequest,
  type SessionResponse,
  type SettingsChanges,
  type Verdict,
  type WriteAnswer,
  type WriteBatch,
} from '@cashe/codec';
import * as fc from 'fast-check';
import { policies } from './access.js';

/** Numbers near the borders of varint sizes as often as any. */
export const uint64: fc.Arbitrary<number> = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.integer({ min: 0, max: 53 }).map((bits) => 2 ** bits - 1),
  fc.integer({ min: 0, max: 52 }).map((bits) => 2 ** bits),
);
export const uint32: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.nat(300),
);
/** Any code points but surrogates. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 200 }),
);
export const key: fc.Arbitrary<string> = text.filter((value) => value !== '');
export const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 100, maxLength: 400 }),
);
const code: fc.Arbitrary<Code> = fc.constantFrom(...Object.values(Code));
const outcome: fc.Arbitrary<Outcome> = fc.constantFrom(...Object.values(Outcome));
const consistency: fc.Arbitrary<Consistency> = fc.constantFrom(...Object.values(Consistency));

export const writeOp: fc.Arbitrary<Op> = fc.oneof(
  fc.tuple(key, bytes).map(([name, value]) => opFor.set(name, value)),
  fc
    .tuple(key, bytes, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }))
    .map(([name, value, ttlMs]) => opFor.set(name, value, ttlMs)),
  fc.tuple(key, bytes).map(([name, value]) => opFor.set(name, value, 0, true)),
  key.map((name) => opFor.delete(name)),
);
export const readOp: fc.Arbitrary<Op> = fc.oneof(
  key.map((name) => opFor.get(name)),
  key.map((name) => opFor.has(name)),
);

const kind = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);

const traceparent = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 55 });

/** With a trace context, or without the field. */
function traced<T extends object>(batch: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof(
    batch,
    fc.tuple(batch, traceparent).map(([one, context]) => ({ ...one, traceparent: context })),
  );
}

export const writeBatch: fc.Arbitrary<WriteBatch> = traced(
  fc.record({
    kind: kind('write'),
    transmission: uint64,
    group: uint32,
    session: uint64,
    sequence: uint64,
    firstOutstanding: uint64,
    remainingMs: uint32,
    ops: bytes,
  }),
);
export const readBatch: fc.Arbitrary<ReadBatch> = traced(
  fc.record({
    kind: kind('read'),
    transmission: uint64,
    group: uint32,
    session: uint64,
    afterSequence: uint64,
    consistency,
    remainingMs: uint32,
    ops: bytes,
  }),
);
export const openSession = fc.record({
  kind: kind('open'),
  transmission: uint64,
  group: uint32,
  remainingMs: uint32,
});
export const closeSession = fc.record({
  kind: kind('close'),
  transmission: uint64,
  group: uint32,
  session: uint64,
});
const clientHello = fc.record({
  kind: kind('hello'),
  protocolVersions: fc.array(uint32, { maxLength: 200 }),
  clusterId: text,
  clientName: text,
});
export const sessionRequest: fc.Arbitrary<SessionRequest> = fc.oneof(
  clientHello,
  writeBatch,
  readBatch,
  openSession,
  closeSession,
);

export const writeAnswer: fc.Arbitrary<WriteAnswer> = fc.record({
  kind: kind('write'),
  transmission: uint64,
  code,
  outcome,
  message: text,
  firstRevision: uint64,
  exceptions: fc.array(fc.record({ index: uint32, code, message: text }), { maxLength: 5 }),
});
export const readAnswer: fc.Arbitrary<ReadAnswer> = fc.record({
  kind: kind('read'),
  transmission: uint64,
  code,
  message: text,
  revision: uint64,
  ageMs: uint32,
  results: fc.array(
    fc.record({
      found: fc.boolean(),
      value: bytes,
      revision: uint64,
      version: uint64,
      ttlMs: fc.option(uint64, { nil: undefined }),
      code,
      message: text,
    }),
    { maxLength: 5 },
  ),
});
export const sessionAnswer: fc.Arbitrary<SessionAnswer> = fc.record({
  kind: kind('session'),
  transmission: uint64,
  code,
  message: text,
  session: uint64,
});
const serverHello = fc.record({
  kind: kind('hello'),
  protocolVersion: uint32,
  clusterId: text,
  nodeId: text,
  nodeUid: text,
  groupCount: uint32,
  batchesMax: uint32,
  bytesMax: uint32,
  limits: fc.record({
    valueBytesMax: uint32,
    keyBytesMax: uint32,
    opBytesMax: uint32,
    batchBytesMax: uint32,
    batchOpsMax: uint32,
    sessionWindow: uint32,
  }),
  settingsHash: uint32,
});
const groupLeader = fc.record({
  kind: kind('leader'),
  group: uint32,
  term: uint64,
  nodeId: text,
  clientAddress: text,
});
export const sessionResponse: fc.Arbitrary<SessionResponse> = fc.oneof(
  serverHello,
  writeAnswer,
  readAnswer,
  sessionAnswer,
  groupLeader,
);

const verdicts = (opCount: number): fc.Arbitrary<Verdict[]> =>
  fc
    .uniqueArray(fc.nat(Math.max(0, opCount - 1)), { maxLength: Math.min(opCount, 6) })
    .map((indexes) => indexes.sort((a, b) => a - b))
    .chain((indexes) =>
      fc.tuple(...indexes.map((index) => code.map((value) => ({ index, code: value })))),
    );
const envelope: fc.Arbitrary<BatchEnvelope> = fc.nat(1024).chain((opCount) =>
  fc.record({
    session: uint64,
    sequence: uint64,
    firstOutstanding: uint64,
    crc: uint32,
    principal: text,
    opCount: fc.constant(opCount),
    verdicts: verdicts(opCount),
  }),
);
const addresses = { nodeUid: text, clientAddress: text, raftAddress: text };
const settingsChanges: fc.Arbitrary<SettingsChanges> = fc.record(
  {
    entriesMax: uint64,
    bytesMax: uint64,
    eviction: fc.constantFrom('lru' as const, 'noeviction' as const),
    replicationFactor: uint32,
    sessionsMax: uint32,
    sessionWindow: uint32,
    sessionBytesMax: uint32,
    sessionIdleMs: uint64,
  },
  { requiredKeys: [] },
);
const command: fc.Arbitrary<EntryCommand> = fc.oneof(
  fc.record({ kind: kind('openSession'), owner: text }),
  fc.record({ kind: kind('closeSession'), session: uint64, principal: text }),
  fc.record({ kind: kind('addNode'), nodeId: text, ...addresses, formatVersionMax: uint32 }),
  fc.record({
    kind: kind('updateNode'),
    ...addresses,
    formatVersionMax: uint32,
    leaving: fc.boolean(),
  }),
  fc.record({ kind: kind('removeNode'), nodeUid: text }),
  fc.record({ kind: kind('setAccess'), policy: policies, expectedRevision: uint64 }),
  fc.record({ kind: kind('changeSettings'), changes: settingsChanges, revision: uint64 }),
);
export const entryPayload: fc.Arbitrary<EntryPayload> = fc
  .tuple(
    fc.array(fc.tuple(envelope, bytes), { maxLength: 4 }),
    fc.record({
      clusterTimeMs: uint64,
      restartLeases: fc.boolean(),
      recencyHints: fc.array(key, { maxLength: 5 }),
      digest: fc.option(fc.record({ index: uint64, high: uint32, low: uint32 }), {
        nil: undefined,
      }),
    }),
    command,
    fc.boolean(),
  )
  .map(([batches, header, oneCommand, isCommand]) => ({
    header: {
      formatVersion: FORMAT_VERSION,
      ...header,
      envelopes: isCommand ? [] : batches.map(([one]) => one),
      command: isCommand ? oneCommand : undefined,
    },
    batches: isCommand ? [] : batches.map(([, ops]) => ops),
  }));

/** Damage to good bytes: cut, replace, insert, remove. */
export const damage: fc.Arbitrary<(good: Uint8Array) => Uint8Array> = fc
  .array(
    fc.record({
      place: fc.nat(1_000_000),
      byte: fc.nat(255),
      way: fc.constantFrom('cut', 'replace', 'insert', 'remove'),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((steps) => (good) => {
    const damaged = Array.from(good);
    for (const { place, byte, way } of steps) {
      const at = place % (damaged.length + 1);
      if (way === 'cut') damaged.splice(at);
      else if (way === 'insert') damaged.splice(at, 0, byte);
      else if (way === 'remove') damaged.splice(at, 1);
      else if (at < damaged.length) damaged[at] = byte;
    }
    return Uint8Array.from(damaged);
  });
