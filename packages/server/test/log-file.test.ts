// Goal: no line is lost between the end of one write and the beginning of the next.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { waitUntil } from '@cashe/bench';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LogFile } from '../src/log-file.js';

const mebibyte = 1024 * 1024;
let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cashe-log-file-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('a line that comes as the queue becomes empty', () => {
  it.each([0, 1, 2, 3, 4, 5, 6])('%d microtasks after the last write is written', async (delay) => {
    const path = join(directory, 'a.log');
    const late = async (): Promise<void> => {
      for (let task = 0; task < delay; task += 1) await undefined;
      file.write('late\n');
    };
    // Told right after a write, when lines were dropped before it: 4 MiB may wait.
    const onDropped = (): void => void late();
    const file = new LogFile({ path, bytesMax: 100 * mebibyte, filesMax: 2, onDropped });
    for (let line = 0; line < 5; line += 1) file.write(Buffer.alloc(mebibyte, 'x\n'));
    await expect(lastLine(path, 'late')).resolves.toBe('late');
    await finished(file.end());
  });
});

describe('a file that ends', () => {
  it('has all lines, also those that came last', async () => {
    const path = join(directory, 'a.log');
    // The first write opens the file, the second one changes files.
    const file = new LogFile({ path, bytesMax: 7, filesMax: 2, onDropped: () => undefined });
    file.write('first\n');
    file.write('last\n');
    await finished(file.end());
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('first\n');
    expect(readFileSync(path, 'utf8')).toBe('last\n');
  });
});

/** Waits for the line in the file. */
async function lastLine(path: string, line: string): Promise<string> {
  return waitUntil(`the line ${line}`, 10_000, async () => {
    const found = readFileSync(path, 'utf8').trimEnd().split('\n').at(-1);
    return found === line ? found : undefined;
  });
}
