import type { BatchAnswer } from '../types.js';

/** Logical cost of a session beside its owner's name; constants, as for records (R14, R18). */
export const SESSION_OVERHEAD_BYTES = 128;
const ANSWER_OVERHEAD_BYTES = 48;
const EXCEPTION_OVERHEAD_BYTES = 16;

/** Logical bytes of a remembered answer. */
export function answerBytes(answer: BatchAnswer): number {
  let bytes = ANSWER_OVERHEAD_BYTES;
  for (const exception of answer.exceptions) {
    bytes += EXCEPTION_OVERHEAD_BYTES + exception.message.length;
  }
  return bytes;
}
