// Goal: a node embedded in a script that is given on the command line serves (the script's flags
// must not reach the threads of the node). Method: the script as a process of its own.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { repositoryRoot } from './support/server-process.js';

const script = `
  import { connect } from '@cashe/client';
  import { startNode } from '@cashe/server';
  const [dataDir] = process.argv.slice(1);
  const node = await startNode({ dataDir, listen: ':0', raftListen: ':0' });
  const cashe = await connect({ endpoints: [node.clientAddress] });
  await cashe.set('greeting', 'hello');
  console.log(await cashe.get('greeting'));
  await cashe.close();
  await node.stop();
`;

it('a node embedded in a script of the command line serves, and lets it end', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'cashe-script-'));
  try {
    const args = ['--input-type=module', '-e', script, dataDir];
    const { stdout } = await promisify(execFile)('node', args, { cwd: repositoryRoot });
    expect(stdout).toBe('hello\n');
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}, 60_000);
