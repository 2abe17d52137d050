/** Which code a run is a function of. */
import { execFileSync } from 'node:child_process';

/** The commit, `-dirty` when the tree has other changes; `unknown` without git. */
export function commitOf(directory: string): string {
  try {
    const dirty = git(directory, ['status', '--porcelain']) === '' ? '' : '-dirty';
    return git(directory, ['rev-parse', '--short=12', 'HEAD']) + dirty;
  } catch {
    // No git, or no repository: the seed is worth printing all the same.
    return 'unknown';
  }
}

function git(directory: string, words: readonly string[]): string {
  return execFileSync('git', [...words], {
    cwd: directory,
    encoding: 'utf8',
    stdio: 'pipe',
  }).trim();
}
