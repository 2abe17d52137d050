/** What a run leaves behind, to be read and to be checked again. */
import { createReadStream, createWriteStream, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { HistoryOp } from '@cashe/simulator';

const historyFile = 'history.jsonl';

export function makeRunDir(parent: string, seed: number): string {
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  const dir = join(parent, `${time}-seed-${seed}`);
  mkdirSync(dir, { recursive: true });
  return dir;
}

export function writeJson(dir: string, name: string, value: unknown): void {
  writeFileSync(join(dir, name), `${JSON.stringify(value, undefined, 2)}\n`);
}

export function writeText(dir: string, name: string, text: string): void {
  writeFileSync(join(dir, name), `${text}\n`);
}

/** One op per line, in order of call. */
export async function writeHistory(dir: string, ops: readonly HistoryOp[]): Promise<void> {
  const lines = function* (): Generator<string> {
    for (const op of ops) yield `${JSON.stringify(op)}\n`;
  };
  await pipeline(Readable.from(lines()), createWriteStream(join(dir, historyFile)));
}

export async function readHistory(dir: string): Promise<HistoryOp[]> {
  const ops: HistoryOp[] = [];
  const input = createReadStream(join(dir, historyFile));
  for await (const line of createInterface({ input })) ops.push(JSON.parse(line) as HistoryOp);
  return ops;
}

/** The logs and the history say enough when nothing went wrong. */
export function removeNodeData(dir: string, nodeIds: readonly string[]): void {
  for (const id of nodeIds) rmSync(join(dir, id), { recursive: true, force: true });
}
