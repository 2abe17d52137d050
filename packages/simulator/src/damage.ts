/**
 * Damage of what was durable, only where the log or the file itself must expose it (R37, R38): a
 * bit of a block that a later block follows, a segment that is too short, a snapshot file. A
 * damaged last block cannot be told from a torn one, so it is left alone.
 */
import {
  BLOCK_HEADER_BYTES,
  blockBytes,
  checkBlock,
  parseSegmentName,
  peekBlock,
} from '@cashe/server/simulation';
import type { Inode } from './inode.js';
import type { MemoryDisk } from './memory-disk.js';
import type { SeededRandom } from './random.js';

export type DamageKind = 'bitFlip' | 'truncation' | 'snapshotBitFlip';

interface Block {
  readonly path: string;
  readonly inode: Inode;
  readonly offset: number;
  readonly bytes: number;
  readonly number: number;
}

/** Says what was damaged; undefined: there is nothing whose damage must be found. */
export function damage(
  disk: MemoryDisk,
  kind: DamageKind,
  random: SeededRandom,
): string | undefined {
  const segments = disk.files().filter(({ path }) => segmentName(path) !== undefined);
  switch (kind) {
    case 'bitFlip':
      return flipBlock(
        segments.flatMap(({ path, inode }) => blocksOf(path, inode)),
        random,
      );
    case 'truncation': {
      if (segments.length === 0) return undefined;
      const { path, inode } = random.pick(segments);
      inode.truncate(random.below(inode.bytes));
      return `${path} cut off at byte ${inode.bytes}`;
    }
    case 'snapshotBitFlip':
      return flipSnapshots(disk, random);
  }
}

function flipBlock(blocks: readonly Block[], random: SeededRandom): string | undefined {
  const last = Math.max(...blocks.map(({ number }) => number));
  const followed = blocks.filter(({ number }) => number < last);
  if (followed.length === 0) return undefined;
  const { path, inode, offset, bytes, number } = random.pick(followed);
  const at = offset + random.below(bytes);
  inode.flipBit(at, random.below(8));
  return `a bit of block ${number} in ${path} at byte ${at}`;
}

/** All of them: which one counts is written in the log. */
function flipSnapshots(disk: MemoryDisk, random: SeededRandom): string | undefined {
  const files = disk.files().filter(({ path, inode }) => {
    return path.endsWith('.snapshot') && inode.bytes > 0;
  });
  if (files.length === 0) return undefined;
  for (const { inode } of files) inode.flipBit(random.below(inode.bytes), random.below(8));
  return `a bit of every snapshot, ${files.length} files`;
}

function blocksOf(path: string, inode: Inode): Block[] {
  const name = segmentName(path);
  const blocks: Block[] = [];
  const content = new Uint8Array(inode.bytes);
  inode.read(content, 0);
  for (let offset = 0; name !== undefined && offset < content.length; ) {
    const rest = content.subarray(offset);
    const header = peekBlock(rest, name.salt, rest.length);
    if (header === undefined || !checkBlock(rest, header)) break;
    const bytes = BLOCK_HEADER_BYTES + header.payloadBytes;
    blocks.push({ path, inode, offset, bytes, number: header.number });
    offset += blockBytes(header.payloadBytes);
  }
  return blocks;
}

function segmentName(path: string): ReturnType<typeof parseSegmentName> {
  return parseSegmentName(path.slice(path.lastIndexOf('/') + 1));
}
