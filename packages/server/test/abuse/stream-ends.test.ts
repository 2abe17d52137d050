// Goal: streams that end in an unusual way end: for their client, and without harm to the node.
// Method: the orders of frames that fuzzing found, against real servers on both ports.
import { connect } from 'node:http2';
import { afterEach, describe, expect, it } from '@jest/globals';
import { TestNodes } from '../rpc/support/nodes.js';
import {
  Attacker,
  callHeaders,
  endHeaders,
  frame,
  frameType,
  grpcMessage,
  uint32,
} from './support/attacker.js';
import { AttackedPort, methods } from './support/port.js';

const nodes = new TestNodes();
let port: AttackedPort | undefined;
afterEach(async () => {
  port?.close();
  port = undefined;
  await nodes.stopAll();
});

const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';

/** Everything in one packet: the stream has ended when the server hears of it. */
function openedAndEnded(path: string): readonly Buffer[] {
  const open = frame(frameType.headers, endHeaders, 1, callHeaders(path));
  return [
    Buffer.concat([open, frame(frameType.reset, 0, 1, uint32(8))]),
    // A frame of an unknown stream breaks the connection.
    Buffer.concat([open, frame(frameType.data, 0, 99, Buffer.alloc(1))]),
    // A second block of headers for the same stream, without its end.
    Buffer.concat([open, open]),
    Buffer.concat([open, frame(frameType.goaway, 0, 0, Buffer.from('0000000000000002', 'hex'))]),
  ];
}

/** The connection comes in one piece with its first frames. */
async function expectEnded(portNumber: number, bytes: Buffer): Promise<void> {
  const attacker = await Attacker.connect(portNumber, undefined, bytes);
  await attacker.halfClosed();
  attacker.close();
}

describe('a stream that ended before the server heard of it', () => {
  it.each([methods.get, methods.session, '/nobody/nothing'])('of %s harms nobody', async (path) => {
    port = await AttackedPort.start();
    for (const bytes of openedAndEnded(path)) await expectEnded(port.fixture.port, bytes);
    expect(await port.serves()).toBe(true);
  });

  it('on the peer port harms nobody', async () => {
    const node = await nodes.start(1);
    for (const path of ['/cashe.raft.v1.Raft/Found', '/nobody/nothing']) {
      for (const bytes of openedAndEnded(path)) await expectEnded(node.port, bytes);
    }
    expect(node.logger.lines.filter((line) => line.startsWith('error'))).toEqual([]);
  });
});

describe('a stream whose deadline passes in the middle of its answers', () => {
  it('goes on until its client ends it', async () => {
    port = await AttackedPort.start();
    const session = connect(`http://${port.fixture.address}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': reflection,
      'content-type': 'application/grpc',
      'grpc-timeout': '1m',
    });
    let status: unknown;
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status'];
    });
    stream.resume();
    const request = grpcMessage(Buffer.from([0x3a, 0]));
    stream.end(Buffer.concat(new Array<Buffer>(500).fill(request)));
    await new Promise((resolve) => stream.once('close', resolve));
    expect(status).toBe('0');
    session.destroy();
  });
});
