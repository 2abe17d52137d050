/** What no client or peer should ever send, from a seed. */
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';

export type Random = (below: number) => number;

export function generator(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)));
}

const waitMs = 500;

/** Sends bytes on a plain connection; resolves when the node ends it, or soon after. */
export function sendBytes(address: string, bytes: Buffer): Promise<void> {
  const { hostname, port } = new URL(`http://${address}`);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve();
    };
    const timer = setTimeout(() => end(), waitMs);
    socket.on('data', () => undefined);
    socket.on('error', end);
    socket.on('close', end);
  });
}

/** A gRPC call with this body, whatever it is; resolves when the node has answered. */
export function sendCall(address: string, path: string, body: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://${address}`);
    const end = (): void => {
      clearTimeout(timer);
      session.destroy();
      resolve();
    };
    const timer = setTimeout(() => end(), waitMs);
    session.on('error', end);
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', end);
    stream.on('close', end);
    stream.on('data', () => undefined);
    stream.end(body);
  });
}

/** gRPC's frame around a message; `length` may lie. */
export function grpcFrame(message: Buffer, length: number = message.length, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}
