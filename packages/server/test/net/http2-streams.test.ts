// What becomes of a stream that grpc-js ends while answers are still being written to it.
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { serveLiveStreams } from '../../src/net/http2-streams.js';
import { http2ServersOf } from '../../src/net/http2-window.js';

const path = '/x/Echo';
const same = (bytes: Buffer): Buffer => bytes;
const codec = {
  ...{ requestSerialize: same, requestDeserialize: same },
  ...{ responseSerialize: same, responseDeserialize: same },
};
let server: Server | undefined;
let session: ClientHttp2Session | undefined;

afterEach(() => {
  session?.destroy();
  server?.forceShutdown();
});

interface EchoCall {
  write(bytes: Buffer): boolean;
  on(event: 'data', listener: (bytes: Buffer) => void): void;
  on(event: 'error', listener: () => void): void;
}

/** Echoes, and has two answers under way whenever grpc-js is given a packet. */
async function startEcho(): Promise<number> {
  const grpc = new Server({ 'grpc.enable_channelz': 0, 'grpc.max_receive_message_length': 64 });
  server = grpc;
  let echoed: EchoCall | undefined;
  const echo = (call: EchoCall): void => {
    echoed = call;
    call.on('error', () => undefined);
    call.on('data', (bytes) => call.write(bytes));
  };
  const method = { path, requestStream: true, responseStream: true, ...codec };
  grpc.addService({ echo: method }, { echo });
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    grpc.bindAsync('127.0.0.1:0', credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  for (const http2Server of http2ServersOf(grpc)) {
    serveLiveStreams(http2Server, new Set());
    http2Server.prependListener('stream', (stream) => {
      stream.on('data', () => {
        echoed?.write(Buffer.from('one'));
        echoed?.write(Buffer.from('more'));
      });
    });
  }
  return port;
}

function prefix(length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

describe('a stream that grpc-js ends for a message that is too large', () => {
  it('ends for its client too while answers are written', async () => {
    session = connect(`http://127.0.0.1:${await startEcho()}`);
    const headers = { 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
    stream.on('error', () => undefined);
    stream.write(Buffer.concat([prefix(2), Buffer.from('hi')]));
    await once(stream, 'data');
    const closed = new Promise<void>((resolve) => stream.on('close', resolve));
    stream.resume();
    stream.end(prefix(65));
    await closed;
    expect(stream.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });
});
