import {
  Code,
  CodecError,
  decodeEntry,
  ENTRY_OPS_MAX,
  type EntryCommand,
  type EntryHeader,
  type EntryPayload,
  encodeEntry,
  entryBytesMax,
  FORMAT_VERSION,
  RECENCY_HINTS_MAX,
} from '@cashe/codec';
import {
  Eviction,
  EntryPayload as Generated,
  type EntryHeader as GeneratedHeader,
} from '@cashe/proto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { damage, entryPayload } from './support/arbitraries.js';
import { asCase, generatedPolicy } from './support/generated.js';
import { holds } from './support/holds.js';
import { bytesField, bytesOf, hex, numberField, textField } from './support/raw.js';

function generated({ header, batches }: EntryPayload): Generated {
  return Generated.fromPartial({
    header: {
      ...header,
      envelopes: header.envelopes.map((one) => ({ ...one, verdicts: [...one.verdicts] })),
      recencyHints: [...header.recencyHints],
      command: header.command && commandCase(header.command),
    },
    batches: [...batches],
  });
}

function commandCase(command: EntryCommand): GeneratedHeader['command'] {
  switch (command.kind) {
    case 'openSession':
      return asCase(command);
    case 'closeSession':
      return asCase(command);
    case 'addNode':
      return asCase(command);
    case 'updateNode':
      return asCase(command);
    case 'removeNode':
      return asCase(command);
    case 'setAccess': {
      const { policy, expectedRevision } = command;
      return { $case: 'setAccess', value: { policy: generatedPolicy(policy), expectedRevision } };
    }
    case 'changeSettings': {
      const { changes, revision } = command;
      const eviction = evictions[changes.eviction ?? 'unchanged'];
      return { $case: 'changeSettings', value: { changes: { ...changes, eviction }, revision } };
    }
  }
}

const evictions = {
  unchanged: Eviction.UNSPECIFIED,
  lru: Eviction.LRU,
  noeviction: Eviction.NOEVICTION,
} as const;

describe('an entry', () => {
  it('has the bytes of generated code, both ways', () => {
    holds(
      fc.property(entryPayload, (payload) => {
        const expected = Generated.encode(generated(payload)).finish();
        expect(hex(encodeEntry(payload))).toBe(hex(expected));
        expect(decodeEntry(expected)).toEqual(payload);
      }),
    );
  });

  it('takes no more bytes than entryBytesMax', () => {
    holds(
      fc.property(entryPayload, (payload) => {
        expect(encodeEntry(payload).length).toBeLessThanOrEqual(entryBytesMax(payload));
      }),
    );
  });

  it('does not alias the batches it was made of', () => {
    const payload = { header: { ...plain, envelopes: [envelope] }, batches: [Buffer.from('abc')] };
    const data = encodeEntry(payload);
    payload.batches[0]?.fill(0);
    expect(Buffer.from(decodeEntry(data).batches[0]!).toString()).toBe('abc');
  });

  it('gives batches as views', () => {
    const data = encodeEntry({
      header: { ...plain, envelopes: [envelope] },
      batches: [new Uint8Array(5000)],
    });
    expect(decodeEntry(data).batches[0]?.buffer).toBe(data.buffer);
  });

  // A decoder that reads damaged bytes as some other entry must read what generated code reads.
  it('that is damaged is refused or means what it says', () => {
    holds(
      fc.property(entryPayload, damage, (payload, change) => {
        const data = change(encodeEntry(payload));
        const decoded = entryOrRefusal(data);
        if (decoded === undefined) return;
        expect(generated(decoded)).toEqual(Generated.decode(data));
      }),
      { numRuns: 3000 },
    );
  });
});

function entryOrRefusal(data: Uint8Array): EntryPayload | undefined {
  try {
    return decodeEntry(data);
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

const plain: EntryHeader = {
  formatVersion: FORMAT_VERSION,
  clusterTimeMs: 7,
  restartLeases: false,
  envelopes: [],
  recencyHints: [],
  digest: undefined,
  command: undefined,
};
const envelope = {
  session: 1,
  sequence: 1,
  firstOutstanding: 1,
  crc: 1,
  principal: 'anonymous',
  opCount: 3,
  verdicts: [],
};
const verdict = (index: number): { index: number; code: Code } => ({ index, code: Code.OK });

describe('broken rules between the parts of an entry', () => {
  const batch = new Uint8Array(3);
  it.each<readonly [string, EntryPayload]>([
    ['a batch without an envelope', { header: plain, batches: [batch] }],
    ['an envelope without a batch', { header: { ...plain, envelopes: [envelope] }, batches: [] }],
    [
      'a command beside a batch',
      {
        header: {
          ...plain,
          envelopes: [envelope],
          command: { kind: 'openSession', owner: 'x' },
        },
        batches: [batch],
      },
    ],
    [
      'a verdict beyond the ops',
      {
        header: { ...plain, envelopes: [{ ...envelope, verdicts: [verdict(3)] }] },
        batches: [batch],
      },
    ],
    [
      'verdicts out of order',
      {
        header: { ...plain, envelopes: [{ ...envelope, verdicts: [verdict(1), verdict(0)] }] },
        batches: [batch],
      },
    ],
    [
      'more ops than an entry may have',
      {
        header: { ...plain, envelopes: [{ ...envelope, opCount: ENTRY_OPS_MAX + 1 }] },
        batches: [batch],
      },
    ],
    [
      'more recency hints than an entry may have',
      {
        header: {
          ...plain,
          recencyHints: Array.from({ length: RECENCY_HINTS_MAX + 1 }, (_, index) => `${index}`),
        },
        batches: [],
      },
    ],
    ['no format version', { header: { ...plain, formatVersion: 0 }, batches: [] }],
    ['a newer format', { header: { ...plain, formatVersion: FORMAT_VERSION + 1 }, batches: [] }],
  ])('%s', (_, payload) => {
    expect(() => encodeEntry(payload)).toThrow(CodecError);
    expect(() => decodeEntry(Generated.encode(generated(payload)).finish())).toThrow(CodecError);
  });
});

describe('an entry of a newer format', () => {
  it('is told by its format, not by the first field that is new', () => {
    const header = [...numberField(1, FORMAT_VERSION + 1), ...numberField(99, 1)];
    expect(() => decodeEntry(bytesOf(bytesField(1, header)))).toThrow(/format 2 is newer than 1/);
  });
});

describe('malformed entries', () => {
  const version = numberField(1, FORMAT_VERSION);
  const header = bytesField(1, version);
  const envelopeOf = (...fields: readonly number[]): Uint8Array =>
    bytesOf(bytesField(1, [...version, ...bytesField(4, fields)]), bytesField(2, []));
  const commandOf = (field: number, body: readonly number[]): Uint8Array =>
    bytesOf(bytesField(1, [...version, ...bytesField(field, body)]));
  it('are those below and not the one they are made from', () => {
    expect(decodeEntry(bytesOf(header)).header.formatVersion).toBe(FORMAT_VERSION);
    expect(decodeEntry(envelopeOf(...numberField(6, 1))).batches).toHaveLength(1);
  });
  it.each<readonly [string, Uint8Array]>([
    ['no bytes', bytesOf()],
    ['no header', bytesOf(bytesField(2, [1]))],
    ['two headers', bytesOf(header, header)],
    ['an unknown field', bytesOf(header, bytesField(3, []))],
    ['an unknown field in the header', bytesOf(bytesField(1, [...version, ...numberField(12, 1)]))],
    ['a repeated field in the header', bytesOf(bytesField(1, [...version, ...version]))],
    [
      'two commands',
      bytesOf(bytesField(1, [...version, ...bytesField(7, []), ...bytesField(8, [])])),
    ],
    ['an unknown field in a command', bytesOf(bytesField(1, [...version, 0x3a, 2, 0x10, 1]))],
    ['a repeated field in a command', bytesOf(bytesField(1, [...version, 0x3a, 4, 10, 0, 10, 0]))],
    [
      "a command's uint32 above 32 bits",
      bytesOf(bytesField(1, [...version, ...bytesField(10, numberField(4, 2n ** 32n))])),
    ],
    ['an unknown field in an envelope', envelopeOf(...numberField(8, 1))],
    ['a repeated field in an envelope', envelopeOf(...numberField(1, 1), ...numberField(1, 1))],
    ['a principal that is not UTF-8', envelopeOf(...bytesField(5, [0xff]))],
    ['a crc above 32 bits', envelopeOf(...numberField(4, 2n ** 32n))],
    ['a session above 2^53 - 1', envelopeOf(...numberField(1, 2n ** 53n))],
    [
      'an unknown code in a verdict',
      envelopeOf(...numberField(6, 1), ...bytesField(7, numberField(2, 99))),
    ],
    ['a command without its body', bytesOf(bytesField(1, [...version, ...bytesField(12, [])]))],
    [
      'an unknown verb in a policy',
      commandOf(12, bytesField(1, bytesField(1, bytesField(2, numberField(1, 4))))),
    ],
    [
      'a repeated field in a policy',
      commandOf(12, bytesField(1, bytesField(3, [...textField(1, 'a'), ...textField(1, 'b')]))),
    ],
    ['an unknown field in a policy', commandOf(12, bytesField(1, bytesField(4, [])))],
    ['an unknown field in changes', commandOf(13, bytesField(1, numberField(9, 1)))],
    ['an unknown eviction in changes', commandOf(13, bytesField(1, numberField(3, 3)))],
    ['a factor above 32 bits in changes', commandOf(13, bytesField(1, numberField(4, 2n ** 32n)))],
    ['trailing bytes', bytesOf(header, [0])],
    ['a header cut off', bytesOf([0x0a, 9, 8, 1])],
    ['an envelope that leaves the header', bytesOf([0x0a, 4, ...version, 0x22, 9], [1, 1, 1])],
    ['a hint that is not UTF-8', bytesOf(bytesField(1, [...version, ...bytesField(5, [0xc3])]))],
    ['a digest of another wire type', bytesOf(bytesField(1, [...version, ...textField(2, 'x')]))],
  ])('%s', (_, data) => {
    expect(() => decodeEntry(data)).toThrow(CodecError);
  });
});
