/** What travels between `sync-thread.ts` and `sync-worker.ts`. */

/** Place in the control array that counts jobs; the worker sleeps on it. */
export const JOB: number = 0;
export const CONTROL_BYTES: number = 4;

export type SyncJob =
  | {
      readonly kind: 'write';
      readonly fd: number;
      readonly buffer: SharedArrayBuffer;
      readonly start: number;
      readonly length: number;
      readonly offset: number;
    }
  | { readonly kind: 'end' };

/** `code` undefined: written and synced. */
export interface SyncReport {
  readonly code: string | undefined;
  readonly message: string;
}
