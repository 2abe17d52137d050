/** Calls on one gRPC port, many on one connection; a lost connection is opened again. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { SecureContextOptions } from 'node:tls';
import type { CallInput } from './grpc-call.js';

export interface GrpcStatus {
  readonly kind: 'status';
  readonly code: number;
  readonly message: string;
  /** What only the node's own code adds (R29); absent when gRPC itself refused the call. */
  readonly casheCode: string | undefined;
}

/** How a call ended, as its client saw it. */
export type CallEnd =
  | GrpcStatus
  | { readonly kind: 'http'; readonly status: number }
  | { readonly kind: 'reset'; readonly code: number }
  /** The connection was lost, or the client left as it wanted to. */
  | { readonly kind: 'closed' | 'left' }
  /** The server owed a status and sent none in time. */
  | { readonly kind: 'silent' }
  /** Node's own client would not send it. */
  | { readonly kind: 'unsent' };

/** The longest a deadline of the seeds lets a call take, and what a busy machine adds. */
const answerMsMax = 30_000;
/** Calls that would go on for ever, or whose request never ends. */
const leaveMs = 60;

/** An address is no server name (RFC 6066). */
const servername = 'localhost';

export class GrpcPort {
  readonly #address: string;
  readonly #tls: SecureContextOptions | undefined;
  #session: ClientHttp2Session | undefined;

  constructor(address: string, tls: SecureContextOptions | undefined) {
    this.#address = address;
    this.#tls = tls;
  }

  send(input: CallInput): Promise<CallEnd> {
    const session = this.#connected();
    let stream: ClientHttp2Stream;
    try {
      const headers = { ...input.headers, ':path': input.path };
      stream = session.request(headers, { endStream: false });
    } catch {
      return Promise.resolve({ kind: 'unsent' });
    }
    return settled(stream, input);
  }

  close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  #connected(): ClientHttp2Session {
    const present = this.#session;
    if (present !== undefined && !present.closed && !present.destroyed) return present;
    const scheme = this.#tls === undefined ? 'http' : 'https';
    const session = connect(`${scheme}://${this.#address}`, { ...this.#tls, servername });
    session.on('error', () => undefined); // Its streams end, which is what counts.
    session.on('goaway', () => session.close());
    this.#session = session;
    return session;
  }
}

function settled(stream: ClientHttp2Stream, input: CallInput): Promise<CallEnd> {
  return new Promise((resolve) => {
    let end: CallEnd | undefined;
    const leave = (): void => {
      end ??= input.owesStatus ? { kind: 'silent' } : { kind: 'left' };
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const timer = setTimeout(leave, input.owesStatus ? answerMsMax : leaveMs);
    stream.on('response', (headers) => {
      if (headers[':status'] === 200) end ??= statusOf(headers);
      else end ??= { kind: 'http', status: headers[':status'] ?? 0 };
    });
    stream.on('trailers', (headers) => {
      end ??= statusOf(headers);
    });
    stream.on('error', () => undefined); // 'close' follows.
    stream.on('close', () => {
      clearTimeout(timer);
      resolve(end ?? endOfClosed(stream));
    });
    stream.resume();
    if (input.ends) stream.end(input.body);
    else stream.write(input.body);
  });
}

function statusOf(headers: Readonly<Record<string, unknown>>): CallEnd | undefined {
  const code = headers['grpc-status'];
  if (typeof code !== 'string') return undefined;
  const message = String(headers['grpc-message'] ?? '');
  const casheCode = headers['cashe-code'];
  return {
    kind: 'status',
    code: Number(code),
    message,
    casheCode: typeof casheCode === 'string' ? casheCode : undefined,
  };
}

function endOfClosed(stream: ClientHttp2Stream): CallEnd {
  const { rstCode } = stream;
  const lost = stream.session === undefined || stream.session.destroyed;
  return lost || rstCode === undefined ? { kind: 'closed' } : { kind: 'reset', code: rstCode };
}
