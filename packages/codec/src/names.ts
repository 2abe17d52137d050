import { Code, type CodeName } from './code.js';

/** Indexed by the numeric value of `cashe.v1.Code`; a test holds it against the table. */
const names: readonly CodeName[] = [
  'UNSPECIFIED',
  'OK',
  'NOT_FOUND',
  'INVALID_ARGUMENT',
  'TOO_LARGE',
  'RESOURCE_EXHAUSTED',
  'PERMISSION_DENIED',
  'NOT_LEADER',
  'WRONG_GROUP',
  'BUSY',
  'RETRY',
  'SESSION_UNKNOWN',
  'STALE',
  'TOO_MANY',
  'SESSION_CONFLICT',
  'OUT_OF_ORDER',
  'DEADLINE_EXCEEDED',
  'ABORTED',
  'UNKNOWN_OUTCOME',
  'UNAVAILABLE',
  'CLUSTER_MISMATCH',
];

/** The name people see, without the prefix the .proto needs. */
export function codeName(code: Code): CodeName {
  return names[code] ?? 'UNSPECIFIED';
}

/** The code with this number, or undefined when this release has none. */
export function codeOf(value: number): Code | undefined {
  const name = names[value];
  return name === undefined ? undefined : Code[name];
}
