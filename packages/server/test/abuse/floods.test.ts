// Goal: floods of HTTP/2 frames cost a node neither its memory nor its other clients. Some of the
// bounds are nghttp2's and Node's, without names in our code: a Node that lost one fails here.
// Method: each flood against a real server, unread where that is the attack; what the process holds
// afterwards, and whether another client is answered meanwhile.
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { until } from '../support/api-fixture.js';
import {
  type Attacker,
  callHeaders,
  endHeaders,
  endStream,
  frame,
  frameType,
  grpcMessage,
  headerBlock,
  setting,
  uint32,
} from './support/attacker.js';
import { heldBytes } from './support/memory.js';
import { AttackedPort, methods } from './support/port.js';

// Megabytes through a machine that may be busy.
jest.setTimeout(30_000);

const mib = 1024 * 1024;
/** What a connection may cost at its worst; a flood that were kept would be many times that. */
const growthMax = 24 * mib;

let port: AttackedPort;
let attacker: Attacker;
let before: number;
beforeEach(async () => {
  port = await AttackedPort.start();
  await port.serves();
  attacker = await port.attacker();
  before = heldBytes();
});
afterEach(() => port.close());

async function expectHarmless(): Promise<void> {
  expect(await port.serves()).toBe(true);
  expect(heldBytes() - before).toBeLessThan(growthMax);
}

const repeated = (one: Buffer, count: number): Buffer =>
  Buffer.concat(new Array<Buffer>(count).fill(one));

describe('a flood', () => {
  it('of pings whose answers are not read', async () => {
    attacker.deafen();
    const ping = frame(frameType.ping, 0, 0, Buffer.alloc(8));
    await attacker.flood(repeated(ping, 10_000), 200);
    await expectHarmless();
  });

  it('of settings whose acknowledgements are not read', async () => {
    attacker.deafen();
    const settings = frame(frameType.settings, 0, 0, setting(3, 100));
    await attacker.flood(repeated(settings, 10_000), 200);
    await expectHarmless();
  });

  it('of calls that are opened and reset at once ends the connection', async () => {
    const calls: Buffer[] = [];
    for (let stream = 1; stream < 10_000; stream += 2) {
      calls.push(frame(frameType.headers, endHeaders, stream, callHeaders(methods.get)));
      calls.push(frame(frameType.reset, 0, stream, uint32(8)));
    }
    attacker.send(...calls);
    await until(() => attacker.frames.some(({ type }) => type === frameType.goaway));
    await expectHarmless();
  });

  it('of calls beyond the allowed number, of which no answer is read', async () => {
    attacker.deafen();
    for (let stream = 1; stream < 100_000 && !attacker.isClosed; stream += 2_000) {
      const calls: Buffer[] = [];
      for (let next = stream; next < stream + 2_000; next += 2) {
        calls.push(frame(frameType.headers, endHeaders, next, callHeaders(methods.get)));
      }
      if (!(await attacker.flood(Buffer.concat(calls), 1))) break;
    }
    await expectHarmless();
  });

  it('of header blocks that do not end closes the connection', async () => {
    attacker.send(frame(frameType.headers, 0, 1, callHeaders(methods.get)));
    const more = headerBlock([['x-more', 'y'.repeat(100)]]);
    const piece = frame(frameType.continuation, 0, 1, more);
    const isOpen = await attacker.flood(repeated(piece, 1_000), 100);
    const isOver = () => !isOpen || attacker.frames.some(({ type }) => type === frameType.goaway);
    await until(isOver);
    await expectHarmless();
  });

  it('of header fields that are large only after decoding', async () => {
    // One large field in the dynamic table, then thousands of one-byte references to it.
    const large = Buffer.concat([
      Buffer.from([0x40, 1, 0x78, 0x7f, 0x81, 0x1e]),
      Buffer.alloc(4_000, 0x79),
    ]);
    const block = Buffer.concat([callHeaders(methods.get), large, Buffer.alloc(8_000, 0xbe)]);
    attacker.send(frame(frameType.headers, endHeaders | endStream, 1, block));
    await until(() => attacker.frames.some(({ stream }) => stream === 1) || attacker.isClosed);
    await expectHarmless();
  });

  it('of empty data, and of empty messages on a stream', async () => {
    attacker.open(1, methods.session);
    await attacker.flood(repeated(frame(frameType.data, 0, 1, Buffer.alloc(0)), 10_000), 20);
    const next = await port.attacker();
    next.open(1, methods.session);
    await next.flood(
      frame(frameType.data, 0, 1, repeated(grpcMessage(Buffer.alloc(0)), 3_000)),
      50,
    );
    await expectHarmless();
  });
});
