import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { limited } from '../src/replay.js';
import { readTrace } from '../src/trace-reader.js';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'cashe-trace-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true });
});

function fileWith(content: string | Uint8Array): string {
  const file = join(dir, 'trace');
  writeFileSync(file, content);
  return file;
}

async function read(content: string | Uint8Array): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of readTrace(fileWith(content))) keys.push(key);
  return keys;
}

const numbers = Array.from({ length: 20_000 }, (_, index) => `key-${(index * 7_919) % 1_000_003}`);
const numbersText = `${numbers.join('\n')}\n`;

describe('a trace', () => {
  it('is read a key a line, the last line with or without its end', async () => {
    expect(await read('a\nb\nc\n')).toEqual(['a', 'b', 'c']);
    expect(await read('a\nb\nc')).toEqual(['a', 'b', 'c']);
    expect(await read('')).toEqual([]);
  });

  it('may have CRLF line ends and blank lines', async () => {
    expect(await read('a\r\n\r\nb\n\nc\r\n')).toEqual(['a', 'b', 'c']);
  });

  it('keeps keys whole across chunks', async () => {
    expect(await read(numbersText)).toEqual(numbers);
    const wide = Array.from({ length: 10_000 }, (_, index) => `schlüssel-€-${index}`);
    expect(await read(wide.join('\n'))).toEqual(wide);
  });

  it('may be compressed, whatever its name', async () => {
    expect(await read(gzipSync(numbersText))).toEqual(numbers);
  });

  it('is left when nobody reads on', async () => {
    const keys: string[] = [];
    for await (const key of limited(readTrace(fileWith(gzipSync(numbersText))), 3)) keys.push(key);
    expect(keys).toEqual(numbers.slice(0, 3));
  });
});

describe('a file that is no trace', () => {
  it('is named when the gzip data ends too early', async () => {
    const cut = gzipSync(numbersText).subarray(0, 50_000);
    await expect(read(cut)).rejects.toThrow(/trace: the gzip data ends too early$/);
  });

  it('is named when the gzip data is damaged', async () => {
    const damaged = gzipSync(numbersText);
    damaged.fill(0xff, 1_000, 1_100);
    await expect(read(damaged)).rejects.toThrow(/trace: the gzip data is damaged \(/);
  });

  it('is refused at the line that is too long', async () => {
    await expect(read(`a\n${'b'.repeat(1_025)}\n`)).rejects.toThrow(/trace:2: .* 1024 bytes$/);
    await expect(read(`a\n${'€'.repeat(342)}\n`)).rejects.toThrow(/trace:2: .* 1024 bytes$/);
    await expect(read('x'.repeat(1_000_000))).rejects.toThrow(/trace:1: .* 1024 bytes$/);
    expect(await read('b'.repeat(1_024))).toEqual(['b'.repeat(1_024)]);
  });

  it('is refused when it is not text', async () => {
    await expect(read(Uint8Array.of(97, 10, 0xc3, 0x28))).rejects.toThrow(/trace:\d: .*not UTF-8/);
    await expect(read(Uint8Array.of(97, 10, 0xc3))).rejects.toThrow(/trace:\d: .*not UTF-8/);
  });

  it('is named when it is not there or a directory', async () => {
    const missing = readTrace(join(dir, 'missing')).next();
    await expect(missing).rejects.toThrow(/missing: there is no such file$/);
    await expect(readTrace(dir).next()).rejects.toThrow(/: this is a directory$/);
  });
});
