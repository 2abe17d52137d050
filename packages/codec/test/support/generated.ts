import type { AccessPolicy, Op } from '@cashe/codec';
import { Op as GeneratedOp, type AccessPolicy as GeneratedPolicy, Verb } from '@cashe/proto';

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

const verbs = { read: Verb.READ, write: Verb.WRITE, admin: Verb.ADMIN } as const;

export function generatedPolicy({ roles, bindings, tokens }: AccessPolicy): GeneratedPolicy {
  return {
    roles: roles.map(({ name, grants }) => ({
      name,
      grants: grants.map(({ verb, prefix }) => ({ verb: verbs[verb], prefix })),
    })),
    bindings: bindings.map((binding) => ({ ...binding })),
    tokens: tokens.map((token) => ({ ...token })),
  };
}
