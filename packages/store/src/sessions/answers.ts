import { Code, type OpException } from '@cashe/codec';
import type { BatchAnswer } from '../types.js';

/** What every batch of plain successes shares. */
export const noExceptions: readonly OpException[] = Object.freeze([]);

/** Standard sentences for people, part of remembered answers and so equal everywhere (R11). */
const messages: ReadonlyMap<Code, string> = new Map([
  [Code.INVALID_ARGUMENT, 'the op breaks a rule of its format'],
  [Code.TOO_LARGE, 'the op is larger than its limit'],
  [Code.RESOURCE_EXHAUSTED, 'the cache has no room for it'],
  [Code.PERMISSION_DENIED, 'the principal may not do this'],
  [Code.WRONG_GROUP, 'the key belongs to another group'],
]);

/** The status of an op that did not simply succeed; NOT_FOUND needs no words. */
export function exceptionOf(index: number, code: Code): OpException {
  return { index, code, message: messages.get(code) ?? '' };
}

/** The answer to a batch that was not executed. */
export function refusalOf(code: Code): BatchAnswer {
  return { code, firstRevision: 0, exceptions: noExceptions };
}
