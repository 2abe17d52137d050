/** Bodies as they are sent, bounded one by one and all together. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { ByteBudget } from './byte-budget.js';
import { RestError, refused } from './failure.js';

interface BodyOptions {
  /** Of bodies that are being received. */
  readonly budget: ByteBudget;
  /** Asked at each request: the limit is a setting. */
  readonly bytesMax: () => number;
}

/** `request.body` of this scope is a Buffer, whatever the Content-Type says. */
export function takeRawBodies(scope: FastifyInstance, options: BodyOptions): void {
  anyContentType(scope);
  scope.addContentTypeParser('*', (_request, payload, done) => {
    readBody(payload as IncomingMessage, options).then((body) => done(null, body), done);
  });
}

/** `request.body` of this scope is what its JSON says; absent when empty. */
export function takeJsonBodies(scope: FastifyInstance, options: BodyOptions): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('application/json', (_request, payload, done) => {
    readBody(payload as IncomingMessage, options)
      .then((body) => (body.length === 0 ? undefined : parseJson(body)))
      .then((body) => done(null, body), done);
  });
}

function anyContentType(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  // Also one that fastify could not read; nothing looks at it.
  scope.addHook('onRequest', (request, _reply, done) => {
    request.raw.headers['content-type'] = 'application/octet-stream';
    done();
  });
}

/** A stored encoding would have to be told to readers; there is no place to keep it. */
function refuseEncodings({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    const message = 'bodies are taken without Content-Encoding';
    throw refused('UNSUPPORTED_MEDIA_TYPE', message);
  }
}

async function readBody(
  stream: IncomingMessage,
  { budget, bytesMax }: BodyOptions,
): Promise<Buffer> {
  refuseEncodings(stream);
  const limit = bytesMax();
  const tooLarge = (): Error => refused('TOO_LARGE', `the body has more than ${limit} bytes`);
  if (Number(stream.headers['content-length'] ?? 0) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      const part = chunk as Buffer;
      if (bytes + part.length > limit) throw tooLarge();
      if (!budget.take(part.length)) {
        const message = 'this node receives too many bytes at a time; wait, or use another one';
        throw refused('RESOURCE_EXHAUSTED', message);
      }
      bytes += part.length;
      chunks.push(part);
    }
    return Buffer.concat(chunks, bytes);
  } catch (error) {
    // The connection broke; nobody is left to read this.
    throw error instanceof RestError ? error : refused('ABORTED', 'the upload was given up');
  } finally {
    budget.give(bytes);
  }
}

/** Strict UTF-8: replacing bad bytes would read or write another key (R20). */
export function parseJson(body: Buffer): unknown {
  if (isDeep(body)) throw refused('INVALID_ARGUMENT', 'the body is nested too deeply');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw refused('INVALID_ARGUMENT', 'the body is not UTF-8');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refused('INVALID_ARGUMENT', `the body is not JSON: ${(error as Error).message}`);
  }
}

/** Far above what any request needs. */
const depthMax = 32;

/** Parsing takes a hundred times as long for a body that is nothing but brackets (R34). */
function isDeep(body: Buffer): boolean {
  let depth = 0;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === quote) {
      at = endOfString(body, at);
      if (at < 0) return false;
    } else if (byte === openArray || byte === openObject) {
      depth += 1;
      if (depth > depthMax) return true;
    } else if (byte === closeArray || byte === closeObject) {
      depth -= 1;
    }
  }
  return false;
}

const [quote, backslash] = [0x22, 0x5c];
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Where the string ends that begins at `start`; -1: nowhere. */
function endOfString(body: Buffer, start: number): number {
  let at = start;
  do {
    at = body.indexOf(quote, at + 1);
  } while (at >= 0 && isEscaped(body, at));
  return at;
}

function isEscaped(body: Buffer, at: number): boolean {
  let count = 0;
  while (body[at - 1 - count] === backslash) count += 1;
  return count % 2 === 1;
}
