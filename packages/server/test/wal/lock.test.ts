/**
 * Goal: one process per data directory, told apart by what runs now, not by what is left behind.
 * Method: real directories, and real processes that run the built lock.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { lockDirectory } from '../../src/wal/lock.js';

const BUILT_LOCK = join(__dirname, '../../dist/wal/lock.js');
const HOLD = `
  const { lockDirectory } = await import(process.argv[1]);
  try {
    await lockDirectory(process.argv[2]);
    console.log('held');
    process.stdin.resume();
  } catch (error) {
    console.log(error.kind, error.message);
  }
`;

let directory = '';
let children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cashe-lock-test-'));
  children = [];
});

afterEach(async () => {
  await Promise.all(children.map(kill));
});
afterEach(() => rm(directory, { recursive: true }));

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Starts a process that locks `path` and stays; resolves with the first thing it says. */
async function hold(
  path: string,
  temporary: string = tmpdir(),
): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLD, BUILT_LOCK, path], {
    env: { ...process.env, TMPDIR: temporary },
  });
  children.push(child);
  const [data] = await once(child.stdout, 'data');
  return { child, said: String(data).trim() };
}

describe('a lock', () => {
  it('keeps a second process out, and names the first', async () => {
    const first = await hold(directory);
    expect(first.said).toBe('held');
    const locked = { kind: 'locked', message: expect.stringContaining(`${first.child.pid}`) };
    await expect(lockDirectory(directory)).rejects.toMatchObject(locked);
    const second = await hold(directory);
    expect(second.said).toBe(`locked ${directory} is in use by process ${first.child.pid}`);
  });

  it('ends with its process, however that ended', async () => {
    const first = await hold(directory);
    await kill(first.child);
    expect(await readdir(directory)).toHaveLength(1);
    const lock = await lockDirectory(directory);
    const names = await readdir(directory);
    expect(names).toEqual([expect.stringMatching(new RegExp(`^lock-${process.pid}-`))]);
    await lock.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is kept by a process that was stopped', async () => {
    const first = await hold(directory);
    first.child.kill('SIGSTOP');
    await expect(lockDirectory(directory)).rejects.toMatchObject({ kind: 'locked' });
  });

  it('keeps out a second node in the same process, and can be taken again', async () => {
    const first = await lockDirectory(directory);
    await expect(lockDirectory(directory)).rejects.toMatchObject({ kind: 'locked' });
    await first.release();
    await (await lockDirectory(directory)).release();
  });

  it('is never held twice when many try at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const attempts = Array.from({ length: 8 }, () => lockDirectory(directory));
      const settled = await Promise.allSettled(attempts);
      const held = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      expect(held.length).toBeLessThanOrEqual(1);
      for (const lock of held) await lock.release();
      expect(await readdir(directory)).toEqual([]);
    }
  });

  it('works in a directory with a path too long for a socket', async () => {
    const long = join(directory, 'x'.repeat(100), 'y'.repeat(100));
    await mkdir(long, { recursive: true });
    const lock = await lockDirectory(long);
    await expect(lockDirectory(long)).rejects.toMatchObject({ kind: 'locked' });
    const child = await hold(long);
    expect(child.said).toContain(`process ${process.pid}`);
    await lock.release();
    expect(await readdir(long)).toEqual([]);
  });

  it('leaves nothing in the temporary directory, however its process ends', async () => {
    const long = join(directory, 'x'.repeat(100));
    const temporary = join(directory, 't');
    await mkdir(long);
    await mkdir(temporary);
    const { child, said } = await hold(long, temporary);
    expect(said).toBe('held');
    await expect(lockDirectory(long)).rejects.toMatchObject({ kind: 'locked' });
    await kill(child);
    expect(await readdir(temporary)).toEqual([]);
  });

  it('in a directory that does not exist is an error, not a lock', async () => {
    await expect(lockDirectory(join(directory, 'no'))).rejects.toMatchObject({ kind: 'io' });
  });
});
