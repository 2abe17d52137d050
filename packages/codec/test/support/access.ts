/** Policies that are valid, small enough to collide: few names, prefixes of one another. */
import type { AccessPolicy, AccessVerb } from '@cashe/codec';
import * as fc from 'fast-check';

const roleNames = ['r1', 'r2', 'r3'];
const names = fc.constantFrom('app', 'apple', 'ci', 'x');
const kinds = fc.constantFrom('node', 'admin', 'client', 'token');

export const principals: fc.Arbitrary<string> = fc.oneof(
  fc.constant('anonymous'),
  fc.tuple(kinds, names).map(([kind, name]) => `${kind}/${name}`),
);

const patterns = fc.oneof(
  principals,
  fc.constant('*'),
  fc.tuple(kinds, fc.constantFrom('*', 'a*', 'app*')).map(([kind, name]) => `${kind}/${name}`),
);

const grants = fc.uniqueArray(
  fc.record({
    verb: fc.constantFrom<AccessVerb>('read', 'write', 'admin'),
    prefix: fc.string({ unit: fc.constantFrom('a', 'b', 'é', '𝄞'), maxLength: 3 }),
  }),
  { maxLength: 6, selector: ({ verb, prefix }) => `${verb} ${prefix}` },
);

const hashes = fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: 64, maxLength: 64 });

export const policies: fc.Arbitrary<AccessPolicy> = fc
  .record({
    grants: fc.array(grants, { maxLength: roleNames.length }),
    pairs: fc.uniqueArray(fc.tuple(patterns, fc.nat(roleNames.length - 1)), {
      maxLength: 5,
      selector: (pair) => pair.join(' '),
    }),
    tokens: fc.uniqueArray(
      fc.record({ name: names, sha256: hashes.map((digits) => digits.join('')) }),
      { maxLength: 3, selector: ({ name }) => name },
    ),
  })
  .map(({ grants: perRole, pairs, tokens }) => {
    const roles = perRole.map((of, at) => ({ name: roleNames[at]!, grants: of }));
    const bindings = pairs
      .filter(([, at]) => at < roles.length)
      .map(([principal, at]) => ({ principal, role: roleNames[at]! }));
    return { roles, bindings, tokens };
  });
