import type { DiskImage } from './medium.js';

/** Where one append put its bytes; `to` is behind the last one that is not zero. */
export interface ChangedRange {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/** Found by comparing the files: no knowledge of the format. Only one file may differ. */
export function changedRange(before: DiskImage, after: DiskImage): ChangedRange {
  const changed: ChangedRange[] = [];
  for (const [path, bytes] of after) {
    const old = before.get(path);
    let from = 0;
    while (from < bytes.length && bytes[from] === (old?.[from] ?? 0)) from += 1;
    let to = bytes.length;
    while (to > from && bytes[to - 1] === (old?.[to - 1] ?? 0)) to -= 1;
    if (to > from) changed.push({ path, from, to });
  }
  const [only] = changed;
  if (only === undefined || changed.length > 1) {
    throw new Error(`one file should differ: ${changed.map(({ path }) => path).join(' ')}`);
  }
  return only;
}
