/** What became of an op, as the route that asked for it takes it. */
import type { OpOutcome } from './ports.js';

type Read = Extract<OpOutcome, { kind: 'read' }>;
type Written = Extract<OpOutcome, { kind: 'written' }>;

/** Throws what the op failed with. */
export function readOf(outcome: OpOutcome | undefined): Read {
  if (outcome?.kind === 'failed') throw outcome.error;
  if (outcome?.kind !== 'read') throw new Error('a read was settled as something else');
  return outcome;
}

/** Throws what the op failed with. */
export function writtenOf(outcome: OpOutcome | undefined): Written {
  if (outcome?.kind === 'failed') throw outcome.error;
  if (outcome?.kind !== 'written') throw new Error('a write was settled as something else');
  return outcome;
}
