// Goal: what docs/rest.md shows is what happens. Method: its console blocks are run line by line
// with curl, against a real node and one that waits to be added; `…` stands for whatever differs.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterProcess, freePorts } from '@cashe/bench';
import { type RunningNode, startNode } from '@cashe/server';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const caseMs = 60_000;
const documentFile = join(__dirname, '../../docs/rest.md');

interface Command {
  readonly text: string;
  readonly expected: string;
}

/** Lines after `$` or `>` are the command, those after them what it prints. */
function commandsOf(document: string): readonly Command[] {
  const blocks = [...document.matchAll(/^```console\n(.*?)^```$/gms)].map(
    ([, block = '']) => block,
  );
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const lines = part.trimEnd().split('\n');
        const more = lines.slice(1).findIndex((line) => !line.startsWith('> '));
        const count = more < 0 ? lines.length : more + 1;
        const text = lines
          .slice(0, count)
          .map((line) => line.replace(/^> /, ''))
          .join('\n');
        return { text, expected: lines.slice(count).join('\n') };
      }),
  );
}

function patternOf(expected: string): RegExp {
  const parts = expected.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[\\s\\S]*?')}$`);
}

let directory = '';
let cluster: ClusterProcess;
let waiting: RunningNode;
let addresses: ReadonlyMap<string, string>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cashe-rest-curl-'));
  const [restPort = 0] = await freePorts(1);
  const rest = `127.0.0.1:${restPort}`;
  cluster = await ClusterProcess.start({ size: 1, args: [`--restaddr=${rest}`, '--compat'] });
  const anyPort = { listen: '127.0.0.1:0', raftListen: '127.0.0.1:0' };
  const dataDir = join(directory, 'n2');
  waiting = await startNode({ id: 'n2', ...anyPort, dataDir, waitForJoin: true });
  addresses = new Map([
    ['localhost:8080', rest],
    ['127.0.0.1:4010', waiting.raftAddress],
  ]);
}, caseMs);

afterAll(async () => {
  await waiting?.stop();
  await cluster?.stop('kill');
}, caseMs);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** By a shell, as a reader would. */
function shell(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('sh', ['-c', command], (error, stdout, stderr) => {
      if (error === null) resolve(stdout.replaceAll('\r\n', '\n'));
      else reject(new Error(`${command}\n${stderr}`, { cause: error }));
    });
  });
}

const commands = commandsOf(readFileSync(documentFile, 'utf8'));

describe('docs/rest.md', () => {
  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(20);
  });

  it.each(commands.map(({ text, expected }) => [text, expected]))(
    '%s',
    async (text, expected) => {
      let command = text;
      for (const [shown, actual] of addresses) command = command.replaceAll(shown, actual);
      expect((await shell(command)).trimEnd()).toMatch(patternOf(expected));
    },
    caseMs,
  );
});
