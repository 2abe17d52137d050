// Goal: answers that a client does not take are bounded in bytes and time on every method; the
// client loses the stream, others are served meanwhile.
// Method: clients with an HTTP/2 window of nothing against a real server with small bounds.
import { afterEach, describe, expect, it } from '@jest/globals';
import { until } from '../support/api-fixture.js';
import {
  type Attacker,
  endStream,
  enhanceYourCalm,
  grpcMessage,
  setting,
} from './support/attacker.js';
import { AttackedPort, methods } from './support/port.js';

const kib = 1024;
/** SETTINGS_INITIAL_WINDOW_SIZE 0: not one byte of an answer may be sent. */
const noWindow = setting(4, 0);
const getRequest = grpcMessage(Buffer.concat([Buffer.from([0x0a, 3]), Buffer.from('key')]));

let port: AttackedPort | undefined;
afterEach(() => {
  port?.close();
  port = undefined;
});

const refusedCount = (attacker: Attacker): number =>
  [...attacker.resets().values()].filter((code) => code === enhanceYourCalm).length;

async function storeValue(bytes: number): Promise<void> {
  const kv = (port as AttackedPort).fixture.kv();
  const request = { key: 'key', value: Buffer.alloc(bytes), ttlMs: undefined, keepTtl: false };
  await new Promise((resolve) => kv.set(request, resolve));
}

describe('answers that are not taken', () => {
  it('end after stallMsMax, on unary calls and on watches', async () => {
    port = await AttackedPort.start({ stallMsMax: 50 });
    const attacker = await port.attacker(noWindow);
    attacker.open(1, methods.get);
    attacker.data(1, getRequest, endStream);
    attacker.open(3, methods.health);
    attacker.data(3, grpcMessage(Buffer.alloc(0)), endStream);
    await until(() => refusedCount(attacker) === 2);
    expect(await port.serves()).toBe(true);
  });

  it('hold no more than connectionBytesMax over all calls of a connection', async () => {
    port = await AttackedPort.start({ connectionBytesMax: 1024 * kib });
    await storeValue(256 * kib);
    const attacker = await port.attacker(noWindow);
    for (let stream = 1; stream < 20; stream += 2) {
      attacker.open(stream, methods.get);
      attacker.data(stream, getRequest, endStream);
    }
    // Ten times 256 KiB: three fit.
    await until(() => refusedCount(attacker) === 7);
    expect(await port.serves()).toBe(true);
  });

  it('hold no more than totalBytesMax over all connections; the largest goes first', async () => {
    port = await AttackedPort.start({ totalBytesMax: 1024 * kib });
    await storeValue(200 * kib);
    const [small, large] = [await port.attacker(noWindow), await port.attacker(noWindow)];
    small.open(1, methods.get);
    small.data(1, getRequest, endStream);
    for (let stream = 1; stream < 14; stream += 2) {
      large.open(stream, methods.get);
      large.data(stream, getRequest, endStream);
    }
    await until(() => refusedCount(large) === 3);
    expect(refusedCount(small)).toBe(0);
    expect(await port.serves()).toBe(true);
  });
});

describe('a stream that is not read because its answers are not taken', () => {
  it('holds no more than connectionBytesMax of what its client still sends', async () => {
    const traffic = { connectionBytesMax: 1024 * kib };
    port = await AttackedPort.start(traffic, { outputPauseBytes: 0 });
    const attacker = await port.attacker(noWindow);
    await until(() => attacker.frames.length > 0);
    attacker.open(1, methods.session);
    // SessionRequest.hello with version 1; the answer cannot leave, so the stream is paused.
    attacker.data(1, grpcMessage(Buffer.from([0x0a, 3, 0x0a, 1, 1])));
    const batch = Buffer.alloc(16 * kib - 5);
    for (let sent = 0; sent < 200; sent += 1) attacker.data(1, grpcMessage(batch));
    await until(() => refusedCount(attacker) === 1);
    expect(await port.serves()).toBe(true);
  });
});
