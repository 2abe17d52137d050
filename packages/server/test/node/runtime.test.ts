// Goal: what a node says and keeps when it starts inside another program. Method: real nodes on
// loopback in a directory of their own.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPolicy } from '@cashe/codec';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { genesisSettings, newGenesisRecord, readGenesis } from '../../src/node/records.js';
import { Storage } from '../../src/node/storage.js';
import { startNode } from '../../src/node.js';
import { fakeLogger } from '../support/cli.js';
import { resolve } from '../support/config.js';

const mib = 1024 * 1024;
const storage = { segmentBytes: 32 * mib, walBytesMax: 64 * mib };
let home = '';

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'cashe-runtime-'));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

describe('a node without access control', () => {
  it.each([
    [true, 1],
    [false, 0],
  ])('says so once at every start: --insecure %s', async (insecure, warnings) => {
    const { options } = resolve({
      ...{ 'node.data_dir': join(home, 'one'), 'listen.insecure': insecure },
      ...{ 'listen.client': '127.0.0.1:0', 'listen.raft': '127.0.0.1:0' },
    });
    const log = fakeLogger();
    const node = await startNode(options, log, { storage });
    await node.ready;
    await node.stop();
    const said = log.lines.filter((line) => line.startsWith('warn --insecure: no TLS'));
    expect(said).toHaveLength(warnings);
  });
});

describe('a log that was prepared before admission', () => {
  it.each([
    ['kept', mib],
    ['opened again when the cluster has larger values', 8 * mib],
  ])('is %s', async (_, valueBytesMax) => {
    const path = join(home, 'two');
    const opened = await Storage.open(path, storage);
    opened.prepareLog();
    const founder = { nodeId: 'n', nodeUid: opened.nodeUid, clientAddress: '', raftAddress: '' };
    const settings = { ...genesisSettings({}), valueBytesMax };
    const genesis = readGenesis(newGenesisRecord([founder], { settings, access: openPolicy }));
    const identity = { nodeId: 'n', replicaId: 1, members: genesis.founders };
    await opened.admit({ genesis, identity });
    const { wal } = await opened.log({ genesis, identity });
    expect(wal.blockBytesMax).toBeGreaterThan(valueBytesMax);
    expect(wal.groupLogs().map(({ replicaId, lastIndex }) => [replicaId, lastIndex])).toEqual([
      [1, 0],
    ]);
    await opened.close();
    const again = await Storage.open(path, storage);
    expect(again.identity()).toMatchObject({ nodeId: 'n', replicaId: 1 });
    await again.log({ genesis, identity });
    await again.close();
  });

  it('does not outlive a node that is stopped while it waits', async () => {
    const opened = await Storage.open(join(home, 'three'), storage);
    opened.prepareLog();
    await opened.close();
    // Closing waited for the segment: nothing writes to the directory any more.
    const files = readdirSync(join(home, 'three', 'wal'));
    expect(files).toContainEqual(expect.stringMatching(/\.wal$/));
    await (await Storage.open(join(home, 'three'), storage)).close();
  });
});
