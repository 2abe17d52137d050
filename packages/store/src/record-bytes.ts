/**
 * What a record costs beside its key and value. A constant, so that accounting is logical and
 * identical on every replica, whatever a platform really spends on it (R18).
 */
export const RECORD_OVERHEAD_BYTES = 64;

/** Logical bytes of one record, as `bytesMax` counts them. */
export function recordBytes(keyBytes: number, valueBytes: number): number {
  return RECORD_OVERHEAD_BYTES + keyBytes + valueBytes;
}
