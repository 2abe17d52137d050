/** What `npm run fuzz` can be told. */
import { randomInt } from 'node:crypto';
import { parseCommand, wholeNumber } from '@cashe/bench';

type Command =
  | { readonly kind: 'help' }
  | {
      readonly kind: 'run';
      readonly seed: number;
      readonly from: number;
      readonly inputs: number;
      readonly certs: string | undefined;
    };

export const fuzzUsage = `usage: npm run fuzz -- [options]

Three server processes; malformed HTTP/2, gRPC, protobuf, JSON and TLS at every port, while a client
keeps writing and reading. Exits with 1 when an input has no typed answer, a node ends or logs an
error, the client is not served, or memory does not come back. Files go to ./data/fuzz.

  --inputs N   how many; default 10,000
  --seed N     of the inputs; default random. Equal seeds send equal inputs
  --from N     index of the first input; with --inputs 1 it sends one again
  --certs DIR  TLS on every port: ca.crt, client.crt and .key, and n0, n1, n2 .crt and .key`;

const seedMax = 2 ** 31 - 1;
const inputsMax = 1_000_000_000;

export function parseFuzzCommand(args: readonly string[]): Command {
  const text = { type: 'string' } as const;
  const { values } = parseCommand({
    args: [...args],
    options: {
      inputs: { ...text, default: '10000' },
      seed: text,
      from: { ...text, default: '0' },
      certs: text,
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return { kind: 'help' };
  return {
    kind: 'run',
    seed:
      values.seed === undefined ? randomInt(seedMax) : wholeNumber('seed', values.seed, 0, seedMax),
    from: wholeNumber('from', values.from, 0, inputsMax),
    inputs: wholeNumber('inputs', values.inputs, 1, inputsMax),
    certs: values.certs,
  };
}
