import type { Op } from '@cashe/codec';
import { Op as GeneratedOp } from '@cashe/proto';

interface Case<K extends string, V> {
  readonly $case: K;
  readonly value: V;
}

/** ts-proto's shape of a oneof, from ours: the body with its kind beside the fields. */
export function asCase<T extends { readonly kind: string }>({
  kind,
  ...value
}: T): Case<T['kind'], Omit<T, 'kind'>> {
  return { $case: kind, value };
}

export function generatedOp(op: Op): GeneratedOp {
  const { kind, key, value, keepTtl } = op;
  const ttlMs = op.ttlMs === 0 ? undefined : op.ttlMs;
  if (kind === 'set') return { kind: { $case: kind, value: { key, value, ttlMs, keepTtl } } };
  return { kind: { $case: kind, value: { key } } };
}

export function generatedOpBytes(op: Op): Uint8Array {
  return GeneratedOp.encode(generatedOp(op)).finish();
}
