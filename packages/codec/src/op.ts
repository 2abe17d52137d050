import type { Op } from './types.js';

/** Tag bytes of `cashe.v1.Op` by kind. */
export const OpTag = { set: 0x0a, delete: 0x12, get: 0x1a, has: 0x22 } as const;
/** Tag bytes of SetRequest; DeleteRequest and OpKey share the key's. */
export const FieldTag = { key: 0x0a, value: 0x12, ttlMs: 0x18, keepTtl: 0x20 } as const;

const noValue: Uint8Array = new Uint8Array(0);

function opOf(kind: Op['kind'], key: string, value: Uint8Array, ttlMs: number, keep: boolean): Op {
  return { kind, key, value, ttlMs, keepTtl: keep };
}

/** Makes ops of one object shape, which the encoder and apply stay fast with. */
export const opFor: {
  set(key: string, value: Uint8Array, ttlMs?: number, keepTtl?: boolean): Op;
  delete(key: string): Op;
  get(key: string): Op;
  has(key: string): Op;
} = {
  set: (key, value, ttlMs = 0, keepTtl = false) => opOf('set', key, value, ttlMs, keepTtl),
  delete: (key) => opOf('delete', key, noValue, 0, false),
  get: (key) => opOf('get', key, noValue, 0, false),
  has: (key) => opOf('has', key, noValue, 0, false),
};
