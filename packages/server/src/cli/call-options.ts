/** How a client command reaches the cluster, and as whom: flags that all of them share. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatAddress, parseAddress } from '../config/address.js';
import { type CallTls, callTls } from './call-tls.js';
import { CommandError, exitCodes } from './exit-codes.js';

export interface CallOptions {
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
  /** Bearer token; undefined: none. */
  readonly token?: string | undefined;
  /** undefined: plain text. */
  readonly tls?: CallTls | undefined;
}

export const callTimeoutMs = 5_000;
const timeoutMsMax = 3_600_000;
const endpointsMax = 64;

export function withCallOptions(command: Command, timeoutMs: number): Command {
  return command
    .addOption(
      new Option(
        '--endpoint <HOST:PORT>',
        'client address of any member; may be repeated (default: localhost:3000)',
      )
        .env('CASHE_ENDPOINT')
        .argParser(endpointWord),
    )
    .addOption(
      new Option('--timeout <MS>', 'give up after this many milliseconds')
        .argParser((word) => integerWord(word, 1, timeoutMsMax))
        .default(timeoutMs),
    )
    .addOption(
      new Option(
        '--token <TOKEN>',
        'bearer token; others on this machine can see it in the command line, unlike that in ' +
          'the environment or in a file',
      ).env('CASHE_TOKEN'),
    )
    .option('--token-file <FILE>', 'file with the bearer token; wins over --token')
    .option('--tls', 'connect with TLS; the nodes need a certificate that Node.js trusts')
    .addOption(
      new Option('--tls-ca <FILE>', 'TLS with nodes whose certificates this CA signed').env(
        'CASHE_TLS_CA',
      ),
    )
    .addOption(
      new Option('--tls-cert <FILE>', 'certificate to show them, with --tls-key').env(
        'CASHE_TLS_CERT',
      ),
    )
    .addOption(new Option('--tls-key <FILE>', 'its key').env('CASHE_TLS_KEY'));
}

interface Parsed {
  readonly endpoint?: readonly string[];
  readonly timeout?: number;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Commander's record of options with the names that the actions use. */
export function callOptions<T extends object>(parsed: T): T & CallOptions {
  const { endpoint, timeout, token, tokenFile }: Parsed = parsed;
  return {
    ...parsed,
    endpoints: endpoint ?? ['localhost:3000'],
    timeoutMs: timeout ?? callTimeoutMs,
    token: checkedToken(tokenFile === undefined ? token : readToken(tokenFile)),
    tls: callTls(parsed),
  };
}

/** RFC 6750; the message does not repeat what may be a secret. */
function checkedToken(token: string | undefined): string | undefined {
  if (token === undefined || /^[A-Za-z0-9\-._~+/]+=*$/.test(token)) return token;
  throw new CommandError(
    exitCodes.usage,
    'the token is empty or has characters that no bearer token has',
  );
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(exitCodes.usage, `the token cannot be read: ${reason}`);
  }
}

function endpointWord(word: string, before: readonly string[] = []): readonly string[] {
  const parsed = parseAddress(word, 'dial');
  if (!parsed.ok) throw new InvalidArgumentError(parsed.problem);
  if (before.length >= endpointsMax) throw new InvalidArgumentError(`at most ${endpointsMax}`);
  const { host, port } = parsed.address;
  return [...before, formatAddress(host || 'localhost', port)];
}

export function integerWord(word: string, min: number, max: number): number {
  const value = /^[0-9]{1,16}$/.test(word) ? Number(word) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new InvalidArgumentError(`must be an integer from ${min} to ${max}`);
}
