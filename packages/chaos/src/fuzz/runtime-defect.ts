/**
 * The one end of a node that is not its own: nghttp2 before 1.68.1 aborts the process over frames
 * of a wrong length behind the end of a connection (CVE-2026-27135). What ends a node on a Node.js
 * that has the repair, or in any other way, is a finding.
 */
import type { NodeExit } from '@cashe/bench';

export interface RuntimeDefect {
  readonly node: string;
  /** Inputs that may have been in flight. */
  readonly suspects: string;
}

const assertion = /nghttp2_session_mem_recv2?: Assertion `iframe->state == NGHTTP2_IB_IGN_ALL'/;
const repairedIn: readonly [number, number, number] = [1, 68, 1];
/** Of one run: this often in so many inputs, or in fewer. */
const defectsMax = 3;
const defectsMaxInputs = 10_000;

export function isDefectLine(line: string): boolean {
  return assertion.test(line);
}

/** Whether the node ended by it, when that ended it `earlier` times before. */
export function isRuntimeDefect(
  { signal }: NodeExit,
  log: string,
  earlier: number,
  nghttp2: string | undefined,
): boolean {
  if (signal !== 'SIGABRT' || !isBroken(nghttp2)) return false;
  return log.split('\n').filter(isDefectLine).length > earlier;
}

/** Undefined when there were no more of them than a run may have. */
export function tooManyDefects(count: number, inputs: number): string | undefined {
  const max = defectsMax * Math.max(1, Math.ceil(inputs / defectsMaxInputs));
  return count <= max ? undefined : `${count} nodes ended by nghttp2; at most ${max} may`;
}

/** A Node.js that does not tell counts as repaired: then nothing is excused. */
function isBroken(version: string | undefined): boolean {
  const numbers = /^(\d+)\.(\d+)\.(\d+)/
    .exec(version ?? '')
    ?.slice(1)
    .map(Number);
  if (numbers === undefined) return false;
  const at = repairedIn.findIndex((part, index) => part !== numbers[index]);
  return at >= 0 && (numbers[at] as number) < (repairedIn[at] as number);
}
