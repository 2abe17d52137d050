/** Numeric values of `cashe.v1.Code`; the wire carries these, people see the names. */
export const Code = {
  UNSPECIFIED: 0,
  OK: 1,
  NOT_FOUND: 2,
  INVALID_ARGUMENT: 3,
  TOO_LARGE: 4,
  RESOURCE_EXHAUSTED: 5,
  PERMISSION_DENIED: 6,
  NOT_LEADER: 7,
  WRONG_GROUP: 8,
  BUSY: 9,
  RETRY: 10,
  SESSION_UNKNOWN: 11,
  STALE: 12,
  TOO_MANY: 13,
  SESSION_CONFLICT: 14,
  OUT_OF_ORDER: 15,
  DEADLINE_EXCEEDED: 16,
  ABORTED: 17,
  UNKNOWN_OUTCOME: 18,
  UNAVAILABLE: 19,
  CLUSTER_MISMATCH: 20,
} as const;
export type CodeName = keyof typeof Code;
export type Code = (typeof Code)[CodeName];

/** Numeric values of `cashe.v1.Outcome` (R29). */
export const Outcome = {
  UNSPECIFIED: 0,
  COMMITTED: 1,
  NOT_COMMITTED: 2,
  UNKNOWN: 3,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** Numeric values of `cashe.v1.Consistency`; UNSPECIFIED means linearizable. */
export const Consistency = {
  UNSPECIFIED: 0,
  LINEARIZABLE: 1,
  STALE: 2,
} as const;
export type Consistency = (typeof Consistency)[keyof typeof Consistency];
