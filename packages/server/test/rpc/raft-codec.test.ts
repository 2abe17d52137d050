/** Goal: frames equal the generated code's bytes, and the decoder lets nothing else pass. */

import { CodecError } from '@cashe/codec';
import { AppendEntriesRequest, AppendEntriesResponse, type GroupMessage } from '@cashe/proto';
import type { EntryKind } from '@cashe/raft';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeFrame,
  encodeFrame,
  encodeHelloFrame,
  frameBytesOf,
  type GroupedMessage,
  type StreamMessage,
} from '../../src/rpc/raft-codec.js';

const anyIndex = fc.oneof(
  fc.constantFrom(0, 1, 127, 128, 16_383, 16_384, 2 ** 28 - 1, 2 ** 28, 2 ** 32, 2 ** 53 - 5000),
  fc.integer({ min: 0, max: 2 ** 53 - 5000 }),
);
const anyId = anyIndex.filter((value) => value > 0);
const anyData = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  // Around the sizes where a length takes one more byte.
  fc.integer({ min: 16_300, max: 16_400 }).map((length) => new Uint8Array(length).fill(7)),
);
const anyEntry = fc.record({
  term: anyId,
  kind: fc.constantFrom<EntryKind>('normal', 'configuration', 'noop'),
  data: anyData,
});
const anyHead = { from: anyId, to: anyId, term: anyIndex };
const anyDigest = fc.record({
  index: anyIndex,
  high: fc.integer({ min: 0, max: 0xffffffff }),
  low: fc.integer({ min: 0, max: 0xffffffff }),
});
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const anyAppend = fc
  .record({
    kind: fc.constant('appendEntriesRequest' as const),
    ...anyHead,
    prevLogIndex: anyIndex,
    prevLogTerm: anyIndex,
    leaderCommit: anyIndex,
    clusterTime: anyIndex,
    entries: fc.array(anyEntry, { maxLength: 5 }),
    traced: fc.array(fc.nat(5), { maxLength: 3 }),
  })
  .map(({ traced, ...message }) => {
    const entries = message.entries.map((entry, place) => ({
      ...entry,
      index: message.prevLogIndex + 1 + place,
    }));
    const traces = traced.flatMap((place) => {
      const index = entries[place]?.index;
      return index === undefined ? [] : [{ index, traceparent }];
    });
    return traces.length === 0 ? { ...message, entries } : { ...message, entries, traces };
  });
const anyMessage: fc.Arbitrary<StreamMessage> = fc.oneof(
  anyAppend,
  fc.record({
    kind: fc.constant('appendEntriesResponse' as const),
    ...anyHead,
    success: fc.boolean(),
    matchIndex: anyIndex,
    prevLogIndex: anyIndex,
    hintIndex: anyIndex,
    hintTerm: anyIndex,
  }),
  fc.record({
    kind: fc.constant('heartbeatRequest' as const),
    ...anyHead,
    leaderCommit: anyIndex,
    commitIndex: anyIndex,
    readRound: anyIndex,
    clusterTime: anyIndex,
  }),
  fc.record({ kind: fc.constant('heartbeatResponse' as const), ...anyHead, readRound: anyIndex }),
  fc.record({ kind: fc.constant('goneNotice' as const), ...anyHead }),
  fc.record({ kind: fc.constant('digestReport' as const), ...anyHead, digest: anyDigest }),
  fc.record({
    kind: fc.constant('digestVerdict' as const),
    ...anyHead,
    digest: anyDigest,
    agreed: fc.boolean(),
  }),
);
const anyFrame: fc.Arbitrary<GroupedMessage[]> = fc.array(
  fc.record({ group: fc.integer({ min: 0, max: 0xffffffff }), message: anyMessage }),
  { maxLength: 4 },
);

const entryKindNumber = { normal: 1, configuration: 2, noop: 3 } as const;

/** The generated type of the same message. */
function generated({ group, message }: GroupedMessage): GroupMessage {
  const { from, to, term } = message;
  return { group, from, to, term, kind: generatedKind(message) };
}

function generatedKind(message: StreamMessage): GroupMessage['kind'] {
  switch (message.kind) {
    case 'appendEntriesRequest': {
      const entries = message.entries.map((entry) => ({
        term: entry.term,
        kind: entryKindNumber[entry.kind],
        data: entry.data,
      }));
      const traces = 'traces' in message ? [...message.traces] : [];
      const value = { ...message, clusterTimeMs: message.clusterTime, entries, traces };
      return { $case: 'appendRequest', value };
    }
    case 'appendEntriesResponse':
      return { $case: 'appendResponse', value: message };
    case 'heartbeatRequest':
      return {
        $case: 'heartbeatRequest',
        value: { ...message, clusterTimeMs: message.clusterTime },
      };
    case 'heartbeatResponse':
      return { $case: 'heartbeatResponse', value: message };
    case 'goneNotice':
      return { $case: 'goneNotice', value: {} };
    case 'digestReport':
      return { $case: 'digestReport', value: message };
    case 'digestVerdict':
      return { $case: 'digestVerdict', value: message };
  }
}

/** Data as text: Buffers and views compare unequal to arrays. */
function plain(messages: readonly GroupedMessage[]): unknown {
  return messages.map(({ group, message }) => {
    if (message.kind !== 'appendEntriesRequest') return { group, message };
    const entries = message.entries.map((entry) => ({ ...entry, data: hex(entry.data) }));
    return { group, message: { ...message, entries } };
  });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('frames', () => {
  it('are the bytes the generated code writes, in both directions', () => {
    fc.assert(
      fc.property(anyFrame, (messages) => {
        const frame = { hello: undefined, messages: messages.map(generated) };
        const bytes = hex(encodeFrame(messages));
        expect(bytes).toBe(hex(AppendEntriesRequest.encode(frame).finish()));
        expect(bytes).toBe(hex(AppendEntriesResponse.encode(frame).finish()));
      }),
    );
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(anyFrame, (messages) => {
        const decoded = decodeFrame(encodeFrame(messages));
        expect(decoded.hello).toBeUndefined();
        expect(plain(decoded.messages)).toEqual(plain(messages));
      }),
    );
  });

  it('are never larger than the queue accounts for', () => {
    fc.assert(
      fc.property(anyMessage, fc.integer({ min: 0, max: 0xffffffff }), (message, group) => {
        const { length } = encodeFrame([{ group, message }]);
        expect(length).toBeLessThanOrEqual(frameBytesOf(message));
      }),
    );
  });

  it('carry a hello as the generated code does', () => {
    const hello = {
      protocolVersions: [1, 2],
      ...{ clusterId: 'c', nodeId: 'n', nodeUid: 'u', settingsHash: 9 },
      ...{ clientAddress: 'a:1', raftAddress: 'b:2', toNodeId: 't', formatVersionMax: 3 },
    };
    const bytes = encodeHelloFrame(hello);
    expect(hex(bytes)).toBe(hex(AppendEntriesRequest.encode({ hello, messages: [] }).finish()));
    expect(decodeFrame(bytes).hello).toEqual(hello);
  });

  it('give entries as views on the received bytes', () => {
    const data = new Uint8Array(1000).fill(1);
    const entries = [{ term: 1, index: 6, kind: 'normal' as const, data }];
    const bytes = encodeFrame([
      {
        group: 0,
        message: {
          kind: 'appendEntriesRequest',
          ...{ from: 1, to: 2, term: 1, prevLogIndex: 5, prevLogTerm: 1 },
          ...{ leaderCommit: 0, clusterTime: 0, entries },
        },
      },
    ]);
    const { message } = decodeFrame(bytes).messages[0]!;
    if (message.kind !== 'appendEntriesRequest') throw new Error(message.kind);
    expect(message.entries[0]!.data.buffer).toBe(bytes.buffer);
    expect(message.entries[0]!.index).toBe(6);
  });

  it('may hold fields of a later release', () => {
    const known = encodeFrame([
      { group: 1, message: { kind: 'goneNotice', from: 1, to: 2, term: 3 } },
    ]);
    const unknownFields = Buffer.from([0x1a, 0x02, 0x08, 0x01, 0x20, 0x05]);
    expect(decodeFrame(Buffer.concat([unknownFields, known])).messages).toHaveLength(1);
  });
});

describe('bytes that are no frame', () => {
  /** A GroupMessage with these bytes after group, from, to and term. */
  function withBody(...body: number[]): Buffer {
    const head = [0x08, 1, 0x10, 1, 0x18, 2, 0x20, 3];
    return Buffer.from([0x12, head.length + body.length, ...head, ...body]);
  }
  const above = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];

  it.each([
    ['a message without kind', withBody()],
    ['an unknown kind', withBody(0x62, 0)],
    ['two kinds', withBody(0x4a, 0, 0x42, 0)],
    ['a number above 2^53 - 1', withBody(0x42, above.length + 1, 0x08, ...above)],
    ['an entry without kind', withBody(0x2a, 4, 0x2a, 2, 0x08, 1)],
    ['an entry of an unknown kind', withBody(0x2a, 6, 0x2a, 4, 0x08, 1, 0x10, 9)],
    ['an entry without term', withBody(0x2a, 4, 0x2a, 2, 0x10, 1)],
    ['prev_log_index after entries', withBody(0x2a, 8, 0x2a, 4, 0x08, 1, 0x10, 1, 0x08, 5)],
    ['a trace of an entry that is not there', withBody(0x2a, 4, 0x32, 2, 0x08, 1)],
    [
      'a trace context that is too long',
      withBody(
        0x2a,
        68,
        0x2a,
        4,
        0x08,
        1,
        0x10,
        1,
        0x32,
        60,
        0x08,
        1,
        0x12,
        56,
        ...Array(56).fill(48),
      ),
    ],
    ['a digest message without digest', withBody(0x52, 0)],
    ['no replica ids', Buffer.from([0x12, 2, 0x4a, 0])],
    ['a length beyond the end', Buffer.from([0x12, 9, 0x4a, 0])],
    ['a hello that is none', Buffer.from([0x0a, 2, 0x0a, 9])],
  ])('are refused: %s', (_name, bytes) => {
    expect(() => decodeFrame(bytes)).toThrow(CodecError);
  });

  it('never cause anything but a CodecError, whatever is changed or cut off', () => {
    const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(
        anyFrame,
        fc.array(change, { maxLength: 4 }),
        fc.nat(),
        (messages, edits, cut) => {
          const bytes = Buffer.from(encodeFrame(messages));
          for (const { at, value } of edits) if (bytes.length > 0) bytes[at % bytes.length] = value;
          decodesOrRefuses(bytes.subarray(0, bytes.length - (cut % (bytes.length + 1))));
        },
      ),
      { numRuns: 1000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), decodesOrRefuses), { numRuns: 2000 });
  });

  function decodesOrRefuses(bytes: Uint8Array): void {
    try {
      decodeFrame(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(CodecError);
    }
  }
});
