// Goal: what clients leave half done on the client port is bounded in streams, bytes and time; they
// see RESOURCE_EXHAUSTED (HTTP/2's ENHANCE_YOUR_CALM), others are served meanwhile.
// Method: connections written frame by frame against a real server with small bounds.
import { once } from 'node:events';
import { connect } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { until } from '../support/api-fixture.js';
import { type Attacker, endStream, enhanceYourCalm, grpcMessage } from './support/attacker.js';
import { AttackedPort, methods } from './support/port.js';

const kib = 1024;

let port: AttackedPort | undefined;
afterEach(() => {
  port?.close();
  port = undefined;
});

const refusedOf = (attacker: Attacker): number[] =>
  [...attacker.resets()].filter(([, code]) => code === enhanceYourCalm).map(([stream]) => stream);

const odd = (index: number): number => 2 * index + 1;

describe('calls that never come to their request', () => {
  it('are refused beyond streamsMax, over all connections', async () => {
    port = await AttackedPort.start({ streamsMax: 20 });
    const attackers = [await port.attacker(), await port.attacker()];
    for (const attacker of attackers) {
      for (let index = 0; index < 20; index += 1) attacker.open(odd(index), methods.get);
    }
    await until(() => attackers.flatMap(refusedOf).length === 20);
    for (const attacker of attackers) attacker.close();
    await until(() => port?.fixture.server.load().connections === 0);
    expect(await port.serves()).toBe(true);
  });

  it('end after messageMsMax, also when their message is there and their end is not', async () => {
    port = await AttackedPort.start({ messageMsMax: 50 });
    const attacker = await port.attacker();
    attacker.open(1, methods.get);
    attacker.open(3, methods.get);
    attacker.data(3, grpcMessage(Buffer.from([0x0a, 1, 0x61])));
    attacker.open(5, '/nobody/nothing');
    await until(() => refusedOf(attacker).length === 3);
    expect(await port.serves()).toBe(true);
  });

  it('end their connection when there were refusalsPerConnectionMax of them', async () => {
    port = await AttackedPort.start({ streamsMax: 10, refusalsPerConnectionMax: 5 });
    const attacker = await port.attacker();
    for (let index = 0; index < 30; index += 1) attacker.open(odd(index), methods.get);
    await until(() => attacker.isClosed);
    expect(await port.serves()).toBe(true);
  });
});

describe('messages that are announced and do not come', () => {
  it('hold no more than connectionBytesMax over all streams of a connection', async () => {
    port = await AttackedPort.start({ connectionBytesMax: 1024 * kib });
    const attacker = await port.attacker();
    for (let index = 0; index < 8; index += 1) {
      attacker.open(odd(index), methods.session);
      attacker.data(odd(index), grpcMessage(Buffer.alloc(10 * kib), 8_000 * kib));
    }
    const part = Buffer.alloc(16 * kib);
    for (let round = 0; round < 20; round += 1) {
      for (let index = 0; index < 8; index += 1) attacker.data(odd(index), part);
    }
    // 8 times 330 KiB: three fit.
    await until(() => refusedOf(attacker).length >= 5);
    expect(refusedOf(attacker).length).toBeLessThanOrEqual(6);
    expect(await port.serves()).toBe(true);
  });

  it('hold no more than totalBytesMax over all connections', async () => {
    port = await AttackedPort.start({ totalBytesMax: 512 * kib });
    const attackers = await Promise.all(
      Array.from({ length: 4 }, () => (port as AttackedPort).attacker()),
    );
    for (const attacker of attackers) {
      attacker.open(1, methods.set);
      attacker.data(1, grpcMessage(Buffer.alloc(10 * kib), 8_000 * kib));
      for (let round = 0; round < 15; round += 1) attacker.data(1, Buffer.alloc(16 * kib));
    }
    // 4 times 250 KiB: two fit.
    await until(() => attackers.flatMap(refusedOf).length === 2);
    expect(await port.serves()).toBe(true);
  });

  it('end after messageMsMax however steadily they dribble; other streams go on', async () => {
    port = await AttackedPort.start({ messageMsMax: 100 });
    const attacker = await port.attacker();
    attacker.open(1, methods.session);
    attacker.open(3, methods.session);
    attacker.data(1, grpcMessage(Buffer.alloc(1), 8_000 * kib));
    await until(() => {
      attacker.data(1, Buffer.alloc(1));
      return refusedOf(attacker).length > 0;
    });
    expect(refusedOf(attacker)).toEqual([1]);
  });

  it('are refused at once when no message may be that long', async () => {
    port = await AttackedPort.start();
    const session = connect(`http://${port.fixture.address}`);
    const headers = { ':method': 'POST', ':path': methods.set, 'content-type': 'application/grpc' };
    const stream = session.request(headers);
    stream.write(grpcMessage(Buffer.alloc(1), 0xffff_ffff));
    const [answered] = await once(stream, 'response');
    expect(answered['grpc-status']).toBe(String(status.RESOURCE_EXHAUSTED));
    session.destroy();
  });

  it('leave nothing counted once they ended, complete or not', async () => {
    port = await AttackedPort.start({ totalBytesMax: 128 * kib });
    // Eight times the bound in all, never more than a part of it at a time.
    for (let round = 0; round < 16; round += 1) {
      const attacker = await port.attacker();
      attacker.open(1, methods.session);
      attacker.data(1, grpcMessage(Buffer.alloc(16 * kib - 5), 8_000 * kib));
      attacker.data(1, Buffer.alloc(16 * kib));
      attacker.data(1, Buffer.alloc(16 * kib));
      attacker.data(1, Buffer.alloc(16 * kib), endStream);
      await until(() => attacker.frames.some(({ stream }) => stream === 1));
      expect(refusedOf(attacker)).toEqual([]);
      attacker.close();
      await until(() => port?.fixture.server.load().connections === 0);
    }
  });
});
