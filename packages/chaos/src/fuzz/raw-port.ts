/** Bytes on a connection of their own, whatever they are. */
import type { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import { type SecureContextOptions, connect as tlsConnect } from 'node:tls';
import type { SeededRandom } from '@cashe/simulator';

/** How a connection's client leaves it. */
type Leave = 'half' | 'abrupt' | 'linger';

export interface BytesInput {
  readonly kind: 'bytes';
  readonly parts: readonly Buffer[];
  readonly leave: Leave;
}

export interface BytesEnd {
  readonly closedBy: 'server' | 'client';
  /** The beginning of what came back. */
  readonly answer: string;
}

/** An address is no server name (RFC 6066). */
const servername = 'localhost';
const lingerMs = 60;
/** A server that was told that nothing more comes mostly ends its side at once. */
const halfClosedMs = 250;
const answerCharactersMax = 400;

export function bytesInput(random: SeededRandom, parts: readonly Buffer[]): BytesInput {
  return { kind: 'bytes', parts, leave: random.pick(['half', 'half', 'abrupt', 'linger']) };
}

export function sendBytes(
  address: string,
  tls: SecureContextOptions | undefined,
  input: BytesInput,
): Promise<BytesEnd> {
  const { hostname, port } = new URL(`http://${address}`);
  const place = { host: hostname, port: Number(port) };
  return new Promise((resolve) => {
    let answer = '';
    let closedBy: BytesEnd['closedBy'] = 'server';
    const socket =
      tls === undefined ? connect(place) : tlsConnect({ ...place, ...tls, servername });
    const leave = (): void => {
      closedBy = 'client';
      socket.destroy();
    };
    const timer = setTimeout(leave, input.leave === 'half' ? halfClosedMs : lingerMs);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () =>
      writeParts(socket, input, leave),
    );
    socket.on('data', (bytes: Buffer) => {
      if (answer.length < answerCharactersMax) answer += bytes.toString('latin1');
    });
    socket.on('error', () => undefined); // 'close' follows.
    socket.on('close', () => {
      clearTimeout(timer);
      resolve({ closedBy, answer: answer.slice(0, answerCharactersMax) });
    });
  });
}

/** One part after the other, each in a packet of its own where the system lets it. */
function writeParts(socket: Socket, { parts, leave }: BytesInput, abort: () => void): void {
  let index = 0;
  const next = (): void => {
    const part = parts[index];
    index += 1;
    if (part !== undefined) socket.write(part, () => setImmediate(next));
    else if (leave === 'half') socket.end();
    else if (leave === 'abrupt') abort();
  };
  socket.setNoDelay(true);
  next();
}
