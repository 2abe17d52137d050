/** Goal: who a directory belongs to survives crashes, and a directory of others is left alone. */
import { describe, expect, it } from '@jest/globals';
import type { DataDirectory } from '../../src/host/storage-ports.js';
import { openDataDirectory } from '../../src/wal/data-directory.js';
import { completed } from '../../src/wal/disk.js';
import { MemoryDisk } from '../support/memory-disk.js';
import { randomBytes, randomNumbers } from '../support/wal.js';

function open(disk: MemoryDisk, seed = 1): Promise<DataDirectory> {
  return openDataDirectory(disk.root, randomBytes(randomNumbers(seed)));
}

function write(data: DataDirectory, text: string): Promise<void> {
  return completed((done) => data.write('identity', Buffer.from(text), done));
}

function text(data: DataDirectory): string | undefined {
  const bytes = data.read('identity');
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
}

describe('a data directory', () => {
  it('has a node uid from its first opening on', async () => {
    const disk = new MemoryDisk();
    const first = await open(disk, 1);
    expect(first.nodeUid).toMatch(/^[0-9a-f]{32}$/);
    const again = await open(
      disk.crash(() => false),
      2,
    );
    expect(again.nodeUid).toBe(first.nodeUid);
    expect((await open(new MemoryDisk(), 2)).nodeUid).not.toBe(first.nodeUid);
  });

  it('keeps its records apart and gives back what was written last', async () => {
    const disk = new MemoryDisk();
    const data = await open(disk);
    expect(data.read('genesis')).toBeUndefined();
    await write(data, 'one');
    await write(data, 'two');
    await completed((done) => data.write('tombstone', new Uint8Array(0), done));
    const again = await open(disk.crash(() => false));
    expect(text(again)).toBe('two');
    expect(again.read('genesis')).toBeUndefined();
    expect(again.read('tombstone')).toEqual(new Uint8Array(0));
  });

  it('holds the old or the new record after a crash at any step', async () => {
    for (let step = 0; ; step += 1) {
      const disk = new MemoryDisk();
      const data = await open(disk);
      await write(data, 'old');
      disk.stopAtStep = disk.steps + step;
      const written = write(data, 'new').then(() => 'written');
      const outcome = await Promise.race([written, disk.stopped]);
      for (const seed of [1, 2, 3, 4, 5]) {
        const survival = randomNumbers(seed);
        const again = await open(disk.crash(() => survival() < 0.5));
        const expected = outcome === 'written' ? ['new'] : ['old', 'new'];
        expect(expected).toContain(text(again));
      }
      if (outcome === 'written') return;
    }
  });

  it('is blank or complete after a crash during its first opening', async () => {
    for (let step = 0; ; step += 1) {
      const disk = new MemoryDisk();
      disk.stopAtStep = step;
      const outcome = await Promise.race([open(disk).then(() => 'opened'), disk.stopped]);
      const survival = randomNumbers(step);
      const again = disk.crash(() => survival() < 0.5);
      expect((await open(again, 9)).nodeUid).toMatch(/^[0-9a-f]{32}$/);
      if (outcome === 'opened') return;
    }
  });

  it('with a damaged file is refused, whatever byte changed', async () => {
    const disk = new MemoryDisk();
    await write(await open(disk), 'me');
    for (const name of ['node-uid', 'identity']) {
      const bytes = disk.bytesOf(name);
      for (let at = 0; at < bytes.length; at += 1) {
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        const place = { kind: 'corrupt', file: `/data/${name}` };
        await expect(open(disk)).rejects.toMatchObject(place);
        bytes[at] = (bytes[at] ?? 0) ^ 1;
      }
    }
    expect(text(await open(disk))).toBe('me');
  });

  it('of somebody else is refused and not touched', async () => {
    const disk = new MemoryDisk();
    disk.put('taxes.pdf', new Uint8Array(3));
    disk.put('draft.tmp', new Uint8Array(3));
    await expect(open(disk)).rejects.toMatchObject({ kind: 'foreign' });
    expect(disk.names('')).toEqual(['draft.tmp', 'taxes.pdf']);
  });

  it('may be the root of a file system', async () => {
    const disk = new MemoryDisk();
    disk.put('lost+found', new Uint8Array(0));
    disk.put('.hidden', new Uint8Array(0));
    await open(disk);
    expect(disk.names('')).toContain('lost+found');
  });
});
