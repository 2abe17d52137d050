import type { Io } from '../../src/cli/io.js';
import type { Logger } from '../../src/host/ports.js';

export interface FakeIo extends Io {
  readonly out: string[];
  readonly complaints: string[];
}

export function fakeIo(options: { stdin?: Uint8Array; terminal?: boolean } = {}): FakeIo {
  const out: string[] = [];
  const complaints: string[] = [];
  const terminal = options.terminal ?? false;
  return {
    out,
    complaints,
    stdoutIsTerminal: terminal,
    stderrIsTerminal: terminal,
    write: async (bytes) => {
      out.push(typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1'));
    },
    complain: (line) => {
      complaints.push(line);
    },
    readAll: async (bytesMax) => {
      const stdin = options.stdin ?? new Uint8Array();
      return stdin.length > bytesMax ? undefined : stdin;
    },
  };
}

export interface FakeLogger extends Logger {
  /** `level message {fields}` */
  readonly lines: string[];
}

export function fakeLogger(): FakeLogger {
  const lines: string[] = [];
  const log =
    (level: string) =>
    (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
    };
  const [error, warn, info, debug] = ['error', 'warn', 'info', 'debug'].map(log) as [
    Logger['error'],
    Logger['warn'],
    Logger['info'],
    Logger['debug'],
  ];
  return { lines, error, warn, info, debug };
}
