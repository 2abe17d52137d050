// What the checks of a running cluster share: their arguments and their client.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect } from '@cashe/client';

/** The nodes may still be founding their cluster. */
const connectTimeoutMs = 20_000;

/** `[--tls DIRECTORY] HOST:PORT...`; the directory has ca.crt, client.crt and client.key. */
export function readArguments() {
  const options = { tls: { type: 'string' } };
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  if (positionals.length === 0) throw new Error('which nodes? give HOST:PORT of each');
  const file = (name) => readFileSync(join(values.tls, name));
  const tls =
    values.tls === undefined
      ? undefined
      : { ca: file('ca.crt'), cert: file('client.crt'), key: file('client.key') };
  const open = (endpoints, clientName) => connect({ endpoints, clientName, connectTimeoutMs, tls });
  return { endpoints: positionals, open };
}

/** Runs `main`; what it throws is the last line and exit code 1. */
export async function run(main) {
  try {
    await main();
  } catch (error) {
    process.stdout.write(`not ok: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
