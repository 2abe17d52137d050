// Goal: `cashe verify` prints what it found, and its exit code says sound, damaged or not checked.
import { describe, expect, it } from '@jest/globals';
import { CommandError, exitCodes } from '../../src/cli/exit-codes.js';
import { verifyActions } from '../../src/cli/verify-command.js';
import type { Verification } from '../../src/node/verify.js';
import { StorageError } from '../../src/wal/errors.js';
import { fakeIo } from '../support/cli.js';
import { hardState, marker } from '../support/wal.js';

const file = '0-0000000000000010-ab.snapshot';
const sound: Verification = {
  path: '/d',
  nodeUid: 'u1',
  clusterId: 'c1',
  identity: { nodeId: 'n1', replicaId: 1, members: [] },
  removed: false,
  segments: [{ name: 's1.wal', bytes: 65536, firstBlock: 1, lastBlock: 16 }],
  preparedSegment: 's2.wal',
  groups: [
    {
      log: {
        group: 0,
        ...{ replicaId: 1, tombstonedReplicaId: 0, firstIndex: 5, lastIndex: 40 },
        ...{ hardState: hardState(3, 1, 38), snapshot: marker(10, file), lastEntryWallTimeMs: 1 },
      },
      lastTerm: 2,
      state: { appliedIndex: 38, digest: '00000000deadbeef' },
    },
  ],
  snapshots: [
    {
      ...{ file, group: 0, meta: marker(10, file).meta },
      ...{ bytes: 1234, digest: '0123456789abcdef', current: true },
    },
  ],
  droppedTails: [],
  unfinished: [],
  problems: [],
};

async function verify(
  found: Verification | Error,
): Promise<{ readonly code: number; readonly text: string; readonly complaints: string[] }> {
  const io = fakeIo();
  const check = async (path: string): Promise<Verification> => {
    expect(path).toBe('/d');
    if (found instanceof Error) throw found;
    return found;
  };
  const code = await verifyActions(check, io).verify('/d');
  return { code, text: io.out.join(''), complaints: io.complaints };
}

describe('verify', () => {
  it('reports a sound directory and exits 0', async () => {
    const { code, text, complaints } = await verify(sound);
    expect([code, complaints]).toEqual([exitCodes.ok, []]);
    expect(text).toBe(
      [
        'directory  /d',
        'node       n1',
        'node uid   u1',
        'cluster    c1',
        '',
        'SEGMENT  FIRST BLOCK  LAST BLOCK  BYTES',
        's1.wal             1          16  65536',
        's2.wal                            prepared, not used yet',
        '',
        'GROUP  REPLICA  FIRST  LAST  LAST TERM  TERM  COMMIT  APPLIED  DIGEST',
        '    0        1      5    40          2     3      38       38  00000000deadbeef',
        '',
        'SNAPSHOT                        INDEX  TERM  BYTES  DIGEST',
        `${file}     10     1   1234  0123456789abcdef  in use`,
        '',
        'sound',
        '',
      ].join('\n'),
    );
  });

  it('counts what the next start drops, and exits 0', async () => {
    const droppedTails = [{ file: '/d/wal/s1.wal', offset: 8192, bytes: 4096 }];
    const { code, text } = await verify({ ...sound, droppedTails, unfinished: ['/d/x.tmp'] });
    expect(code).toBe(exitCodes.ok);
    expect(text).toContain('/d/x.tmp was never finished: the next start deletes it\n');
    expect(text).toContain('/d/wal/s1.wal ends at byte 8192 with a write that was never synced\n');
    expect(text).toMatch(/\nsound, 4096 bytes of unsynced tail will be dropped\n$/);
  });

  it('names damage one line each, up to a bound, and exits 1', async () => {
    const two = await verify({ ...sound, problems: ['a is damaged', 'b is damaged'] });
    expect(two.code).toBe(exitCodes.negative);
    expect(two.complaints).toEqual(['cashe: a is damaged', 'cashe: b is damaged']);
    expect(two.text).toMatch(/\ndamaged: 2 problems\n$/);
    const many = await verify({ ...sound, problems: Array.from({ length: 150 }, () => 'x') });
    expect(many.complaints).toHaveLength(101);
    expect(many.complaints.at(-1)).toBe('cashe: and 50 more');
  });

  it('prints a question mark for what could not be read', async () => {
    const [group] = sound.groups;
    if (group === undefined) throw new Error('there is a group');
    const { text } = await verify({
      ...{ ...sound, nodeUid: undefined, clusterId: undefined, identity: undefined },
      groups: [{ ...group, lastTerm: undefined, state: undefined }],
      problems: ['x'],
    });
    expect(text).toContain('node uid   ?\ncluster    ?\n');
    expect(text).toMatch(/ 40 +\? +3 +38 +\? +\?\n/);
  });

  it.each(['locked', 'foreign', 'io'] as const)('exits 2 when it is %s', async (kind) => {
    const refused = new StorageError(kind, 'why', { file: '/d' });
    await expect(verify(refused)).rejects.toMatchObject({
      ...{ name: 'CommandError', message: 'why' },
      exitCode: exitCodes.usage,
    });
  });

  it('hands on an error that is a bug', async () => {
    const failed = verify(new TypeError('bug'));
    await expect(failed).rejects.toThrow(TypeError);
    await expect(failed).rejects.not.toBeInstanceOf(CommandError);
  });
});
