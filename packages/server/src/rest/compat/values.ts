/** What the replaced systems have in common: keys and values are text. */
import { opFor } from '@cashe/codec';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseJson } from '../body.js';
import { refused } from '../failure.js';
import type { CallContext } from '../gate.js';
import { readOf, writtenOf } from '../outcomes.js';
import type { RestPorts } from '../ports.js';

/** The body, which has to be a JSON object. */
export function bodyOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  const body = parseJson(request.body as Buffer);
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    return body as Readonly<Record<string, unknown>>;
  }
  throw refused('INVALID_ARGUMENT', 'the body has to be a JSON object');
}

/** A field that has to be there and not empty. */
export function textField(body: Readonly<Record<string, unknown>>, name: string): string {
  const value = textOrEmpty(body, name);
  if (value === '') throw refused('INVALID_ARGUMENT', `${name} is required`);
  return value;
}

/** The same, but it may be empty. */
export function textOrEmpty(body: Readonly<Record<string, unknown>>, name: string): string {
  const value = body[name];
  if (value === undefined) throw refused('INVALID_ARGUMENT', `${name} is required`);
  if (typeof value !== 'string') throw refused('INVALID_ARGUMENT', `${name} has to be a string`);
  return value;
}

export function pathField(request: FastifyRequest, name: string): string {
  return textField(request.params as Readonly<Record<string, unknown>>, name);
}

/** The value of the key, or undefined. */
export async function readText(
  ports: RestPorts,
  key: string,
  context: CallContext,
): Promise<string | undefined> {
  const [outcome] = await ports.run([opFor.get(key)], { ...context, isStale: false });
  const { found, value } = readOf(outcome).result;
  if (!found) return undefined;
  try {
    // A byte order mark is part of the value.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    throw refused('NOT_ACCEPTABLE', 'the value is not text: read it at /v1/keys/{key}');
  }
}

export async function has(ports: RestPorts, key: string, context: CallContext): Promise<boolean> {
  const [outcome] = await ports.run([opFor.has(key)], { ...context, isStale: false });
  return readOf(outcome).result.found;
}

interface TextWrite {
  readonly key: string;
  readonly value: string;
}

export async function writeText(
  ports: RestPorts,
  { key, value }: TextWrite,
  reply: FastifyReply,
  context: CallContext,
): Promise<void> {
  const bytes = Buffer.from(value);
  // UTF-8 has no form for a lone surrogate: it would be read as something else.
  if (bytes.toString() !== value) {
    throw refused('INVALID_ARGUMENT', 'value has a lone surrogate, which is not text');
  }
  const op = opFor.set(key, bytes);
  const [outcome] = await ports.run([op], { ...context, isStale: false });
  writtenOf(outcome);
  reply.header('cashe-outcome', 'committed');
}

export async function removeKey(
  ports: RestPorts,
  key: string,
  reply: FastifyReply,
  context: CallContext,
): Promise<void> {
  const [outcome] = await ports.run([opFor.delete(key)], { ...context, isStale: false });
  writtenOf(outcome);
  reply.header('cashe-outcome', 'committed');
}
