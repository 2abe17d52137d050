/**
 * The log: winston behind the Logger port, one line per event, JSON or readable text; to standard
 * error, or to files of bounded size.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { createLogger as createWinston, format, transports } from 'winston';
import { ConfigError } from './config/errors.js';
import type { LogFormat, LogLevel } from './config/options.js';
import type { Logger } from './host/ports.js';
import { LogFile } from './log-file.js';

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Stands in every line. */
  readonly nodeId: string;
  /** Lines go here, and errors to the stream as well; undefined: everything goes to the stream. */
  readonly file?: string | undefined;
  /** Errors stand here too. */
  readonly errorFile?: string | undefined;
  readonly fileBytesMax?: number;
  /** Files kept per log, the current one included. */
  readonly filesMax?: number;
  /** Default: standard error. */
  readonly stream?: Writable;
}

export interface NodeLogger extends Logger {
  /** From now on this is the least severe level that is logged. */
  setLogLevel(level: LogLevel): void;
  /** Resolves when every line is in its file, or after a second; nothing may be logged after it. */
  close(): Promise<void>;
}

/** How to change the level of a log; undefined when it is one of somebody else's. */
export function levelSetter(log: Logger): NodeLogger['setLogLevel'] | undefined {
  return isNodeLogger(log) ? (level) => log.setLogLevel(level) : undefined;
}

function isNodeLogger(log: Logger): log is NodeLogger {
  return 'setLogLevel' in log;
}

type Fields = Readonly<Record<string, unknown>>;

const flushMsMax = 1_000;

/** Throws ConfigError for a file that cannot be written. */
export function createLogger(options: LoggerOptions): NodeLogger {
  const line = options.format === 'json' ? jsonLine : prettyLine;
  const stream = new transports.Stream({ stream: options.stream ?? process.stderr });
  // With a file, errors are on standard error too: it is written at once, whatever comes next.
  if (options.file !== undefined) stream.level = 'error';
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
    transports: [stream],
    exitOnError: false,
  });
  // Fields stay in an object of their own, so that none can replace the level or the message.
  const log =
    (level: LogLevel) =>
    (message: string, fields?: Fields): void => {
      winston.log({ level, message, fields });
    };
  const logger = { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') };
  const files: LogFile[] = [];
  let lostMain = false;
  for (const { path, level, option } of filesOf(options)) {
    requireWritable(path, option);
    const file = openFile(path, options, logger);
    const transport = new transports.Stream({
      stream: file,
      ...(level !== undefined && { level }),
    });
    winston.add(transport);
    files.push(file);
    // A full disk must stop neither the node nor its log: it goes on at standard error.
    file.once('error', (cause: Error) => {
      winston.remove(transport);
      lostMain ||= path === options.file;
      if (lostMain) stream.level = winston.level;
      logger.error('a log file cannot be written any more', { file: path, error: cause });
    });
  }
  return {
    ...logger,
    setLogLevel: (level) => {
      if (lostMain) stream.level = level;
      winston.level = level;
    },
    close: () => flushed(files),
  };
}

interface NamedFile {
  readonly path: string;
  readonly option: string;
  readonly level?: LogLevel;
}

function filesOf({ file, errorFile }: LoggerOptions): readonly NamedFile[] {
  const named: NamedFile[] = [];
  if (file !== undefined) named.push({ path: file, option: 'logging.file' });
  if (errorFile !== undefined) {
    named.push({ path: errorFile, option: 'logging.error_file', level: 'error' });
  }
  return named;
}

function openFile(path: string, options: LoggerOptions, logger: Logger): LogFile {
  return new LogFile({
    path,
    bytesMax: options.fileBytesMax ?? Number.MAX_SAFE_INTEGER,
    filesMax: options.filesMax ?? 1,
    onDropped: (count) => logger.error('log lines were dropped', { file: path, count }),
  });
}

/** Files are opened later; a node that cannot log where it was told to does not start. */
function requireWritable(file: string, option: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(file, 'a'));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    const what = `${file} cannot be written (${reason})`;
    throw new ConfigError({ key: option }, what, { cause: error });
  }
}

/** A disk that does not answer must not keep a node that stops. */
function flushed(files: readonly LogFile[]): Promise<void> {
  const finished = files
    .filter((file) => !file.destroyed)
    .map((file) => new Promise<void>((resolve) => file.end(resolve)));
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, flushMsMax);
    Promise.all(finished).then(() => {
      clearTimeout(timer);
      resolve();
    }, resolve);
  });
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
