/**
 * Enum values from peers that may be newer (R33): what this release does not know is read as the
 * value that promises least.
 */
import { Code, Consistency, Outcome } from './code.js';
import { codeOf } from './names.js';

export function readCode(value: number): Code {
  return codeOf(value) ?? Code.ABORTED;
}

export function readOutcome(value: number): Outcome {
  switch (value) {
    case Outcome.UNSPECIFIED:
    case Outcome.COMMITTED:
    case Outcome.NOT_COMMITTED:
      return value;
    default:
      return Outcome.UNKNOWN;
  }
}

export function readConsistency(value: number): Consistency {
  switch (value) {
    case Consistency.UNSPECIFIED:
    case Consistency.STALE:
      return value;
    default:
      return Consistency.LINEARIZABLE;
  }
}
