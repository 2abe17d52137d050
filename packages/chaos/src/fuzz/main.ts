/** `npm run fuzz`: malformed input at every port of a cluster of real processes. */
import { runCommand } from '@cashe/bench';
import { tlsFrom } from './fuzz-cluster.js';
import { runFuzz } from './fuzz-run.js';
import { fuzzUsage, parseFuzzCommand } from './options.js';
import { describeFuzz } from './report.js';

const parentDir = './data/fuzz';
/** As a shell tells it: 128 + SIGINT. */
const interruptedCode = 130;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function run(args: readonly string[]): Promise<number> {
  const command = parseFuzzCommand(args);
  if (command.kind === 'help') {
    say(fuzzUsage);
    return 0;
  }
  // Whoever ends this process ends its nodes: they are killed at its exit.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(interruptedCode));
  }
  const { seed, from, inputs, certs } = command;
  const tls = certs === undefined ? undefined : tlsFrom(certs);
  say(`seed ${seed}`);
  const figures = await runFuzz({ seed, from, inputs, parentDir, say, tls });
  say(describeFuzz(figures));
  return figures.findings.length + figures.problems.length === 0 ? 0 : 1;
}

await runCommand('fuzz', fuzzUsage, () => run(process.argv.slice(2)));
