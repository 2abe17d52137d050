/** `npm run chaos`: faults on a cluster of real processes, and the check of what clients saw. */
import { runCommand } from '@cashe/bench';
import { runChaos } from './chaos-run.js';
import { chaosUsage, parseChaosCommand } from './options.js';
import { describeRun } from './report.js';
import { readHistory } from './run-files.js';
import { judge } from './verdict.js';

const parentDir = './data/chaos';
/** As a shell tells it: 128 + SIGINT. */
const interruptedCode = 130;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function run(args: readonly string[]): Promise<number> {
  const command = parseChaosCommand(args);
  switch (command.kind) {
    case 'help':
      say(chaosUsage);
      return 0;
    case 'check': {
      const { kind, violations } = judge(await readHistory(command.dir), []);
      for (const text of violations) say(text);
      say(kind);
      return kind === 'survived' ? 0 : 1;
    }
    case 'run': {
      // Whoever ends this process ends its nodes: they are killed at its exit.
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.once(signal, () => process.exit(interruptedCode));
      }
      const figures = await runChaos({ ...command.run, parentDir, say });
      say(`\n${describeRun(figures)}`);
      return figures.verdict.kind === 'survived' ? 0 : 1;
    }
  }
}

await runCommand('chaos', chaosUsage, () => run(process.argv.slice(2)));
