/** gRPC calls made by hand, for what no client of ours would send. */
import { connect as connectHttp2 } from 'node:http2';

const waitMs = 500;

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
