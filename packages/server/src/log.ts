/** The log: winston behind the Logger port, one line per event, JSON or readable text. */
import type { Writable } from 'node:stream';
import { createLogger as createWinston, format, transports } from 'winston';
import type { LogFormat, LogLevel } from './config/options.js';
import type { Logger } from './host/ports.js';

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Stands in every line. */
  readonly nodeId: string;
  /** Default: standard error. */
  readonly stream?: Writable;
}

type Fields = Readonly<Record<string, unknown>>;

export function createLogger(options: LogOptions): Logger {
  const line = options.format === 'json' ? jsonLine : prettyLine;
  const winston = createWinston({
    level: options.level,
    format: format.printf(({ level, message, fields }) =>
      line({
        time: new Date().toISOString(),
        level,
        node: options.nodeId,
        message: String(message),
        fields: fields as Fields | undefined,
      }),
    ),
    transports: [new transports.Stream({ stream: options.stream ?? process.stderr })],
    exitOnError: false,
  });
  // Fields stay in an object of their own, so that none can replace the level or the message.
  const log =
    (level: LogLevel) =>
    (message: string, fields?: Fields): void => {
      winston.log({ level, message, fields });
    };
  return { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') };
}

interface Line {
  readonly time: string;
  readonly level: string;
  readonly node: string;
  readonly message: string;
  readonly fields: Fields | undefined;
}

function jsonLine({ fields, ...line }: Line): string {
  return JSON.stringify({ ...line, ...withoutNames(fields, line) }, replacer);
}

/** A field named like a part of every line would hide it. */
function withoutNames(fields: Fields | undefined, line: Omit<Line, 'fields'>): Fields {
  return Object.fromEntries(
    Object.entries(fields ?? {}).map(([key, value]) => [key in line ? `${key}_` : key, value]),
  );
}

function prettyLine({ time, level, node, message, fields }: Line): string {
  const pairs = Object.entries(fields ?? {})
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${prettyValue(value)}`);
  return `${time} ${level.padEnd(5)} ${node} ${escapeControls(message)}${pairs.join('')}`;
}

function prettyValue(value: unknown): string {
  const plain = replacer('', value);
  const text = typeof plain === 'string' ? plain : JSON.stringify(plain, replacer);
  return /^[\w.:@/+,=[\]*<>-]+$/.test(text) ? text : escapeControls(JSON.stringify(text));
}

/** What a peer sent may be in a message; it must not start a line or move a terminal's cursor. */
function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => {
    return `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

function replacer(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return isError(value) ? errorText(value) : value;
}

/** Errors of Node's core are not always instances of this realm's Error. */
function isError(value: unknown): value is Error & { readonly code?: unknown } {
  return typeof value === 'object' && value !== null && 'message' in value && 'stack' in value;
}

function errorText(error: Error & { readonly code?: unknown }): string {
  const { code, message } = error;
  return typeof code === 'string' && !message.includes(code) ? `${code}: ${message}` : message;
}
