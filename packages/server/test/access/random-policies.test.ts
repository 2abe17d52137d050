// Property: whatever the policy, a real node does to each op what a plain reading of it says.
// Goal: no op of any kind passes that should not, none is denied that should pass, and what is
// denied changes nothing. The model below shares no code with the node.

import type { Cashe } from '@cashe/client';
import type { AccessGrant, AccessPolicy, AccessVerb } from '@cashe/codec';
import { Consistency } from '@cashe/codec';
import type { KVClient } from '@cashe/proto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RunningNode } from '../../src/index.js';
import { answer } from '../support/api-fixture.js';
import { codeOf, everything, Place } from './node.js';

const callers = ['t0', 't1', 't2', 'anonymous'] as const;
type CallerName = (typeof callers)[number];

const place = new Place();
let node: RunningNode;
let kv: KVClient;
const clients = new Map<CallerName, Cashe<'string'>>();

/** The tokens are always there; what they may do is what is random. */
const base = place.policies.of({ root: everything, t0: [], t1: [], t2: [] });

beforeAll(async () => {
  node = await place.node({ access: base });
  kv = place.kv(node);
  for (const name of callers) {
    clients.set(name, await place.client(node, name === 'anonymous' ? undefined : name));
  }
});
afterAll(() => place.end());

const letter = fc.constantFrom('a', 'b', 'é');
const key = fc.array(letter, { minLength: 1, maxLength: 3 }).map((letters) => letters.join(''));
const prefix = fc.array(letter, { maxLength: 3 }).map((letters) => letters.join(''));
const verb = fc.constantFrom<AccessVerb>('read', 'write', 'admin');
const grant = fc.record({ verb, prefix });
const uniqueGrants = fc.uniqueArray(grant, {
  maxLength: 4,
  selector: (one) => `${one.verb} ${one.prefix}`,
});
const pattern = fc.constantFrom('token/t0', 'token/t1', 'token/t*', 'token/*', 'anonymous', '*');
const binding = fc.record({ principal: pattern, role: fc.constantFrom('r0', 'r1', 'r2') });
const bindings = fc.uniqueArray(binding, {
  maxLength: 4,
  selector: (one) => `${one.principal} ${one.role}`,
});
const policy = fc.record({ grants: fc.tuple(uniqueGrants, uniqueGrants, uniqueGrants), bindings });

const kinds = ['get', 'has', 'stale', 'set', 'delete', 'unaryGet', 'unarySet'] as const;
type Kind = (typeof kinds)[number];
const op = fc.record({
  caller: fc.constantFrom(...callers),
  kind: fc.constantFrom<Kind>(...kinds),
  key,
});

type RandomPolicy = {
  readonly grants: readonly (readonly AccessGrant[])[];
  readonly bindings: AccessPolicy['bindings'];
};

function policyOf({ grants, bindings: random }: RandomPolicy): AccessPolicy {
  const roles = grants.map((of, index) => ({ name: `r${index}`, grants: of }));
  return {
    ...base,
    roles: [...base.roles, ...roles],
    bindings: [...base.bindings, ...random],
  };
}

/** The model: some binding of the caller names a role that has a grant which begins the key. */
function mayDo(
  { grants, bindings: random }: RandomPolicy,
  caller: CallerName,
  right: AccessVerb,
  what: string,
): boolean {
  const principal = caller === 'anonymous' ? caller : `token/${caller}`;
  return random.some((one) => {
    const start = one.principal.replace(/\*$/, '');
    const isMeant =
      one.principal === principal || (one.principal !== start && principal.startsWith(start));
    const given = grants[Number(one.role.slice(1))] ?? [];
    return isMeant && given.some((each) => each.verb === right && what.indexOf(each.prefix) === 0);
  });
}

async function perform(caller: CallerName, kind: Kind, what: string): Promise<string> {
  const client = clients.get(caller) as Cashe<'string'>;
  const metadata = place.metadata(caller === 'anonymous' ? undefined : caller);
  switch (kind) {
    case 'get':
      return codeOf(client.get(what));
    case 'has':
      return codeOf(client.has(what));
    case 'stale':
      return codeOf(client.get(what, { consistency: 'stale' }));
    case 'set':
      return codeOf(client.set(what, caller));
    case 'delete':
      return codeOf(client.delete(what));
    case 'unaryGet': {
      const request = { key: what, consistency: Consistency.UNSPECIFIED };
      return grpcCode(codeOf(answer((done) => kv.get(request, metadata, done))));
    }
    case 'unarySet': {
      const request = { key: what, value: Uint8Array.from(Buffer.from(caller)), keepTtl: false };
      return grpcCode(codeOf(answer((done) => kv.set(request, metadata, done))));
    }
  }
}

const grpcCode = async (code: Promise<string>): Promise<string> =>
  String(await code) === '7' ? 'PERMISSION_DENIED' : code;

describe('random policies and ops', () => {
  it('agree with the model op by op, and leave the values that it says', async () => {
    const root = await place.client(node, 'root');
    await fc.assert(
      fc.asyncProperty(
        policy,
        fc.array(op, { minLength: 5, maxLength: 15 }),
        async (given, ops) => {
          await place.setPolicy(node, policyOf(given));
          const stored = new Map<string, string>();
          const keys = [...new Set(ops.map((one) => one.key))];
          await root.deleteMany(keys);
          for (const { caller, kind, key: what } of ops) {
            const right = ['set', 'delete', 'unarySet'].includes(kind) ? 'write' : 'read';
            const isAllowed = mayDo(given, caller, right, what);
            const code = await perform(caller, kind, what);
            expect(`${caller} ${kind} ${what}: ${code}`).toBe(
              `${caller} ${kind} ${what}: ${isAllowed ? 'OK' : 'PERMISSION_DENIED'}`,
            );
            if (isAllowed && kind === 'delete') stored.delete(what);
            else if (isAllowed && right === 'write') stored.set(what, caller);
          }
          expect(await root.getMany(keys)).toEqual(keys.map((one) => stored.get(one)));
        },
      ),
      // The limit also ends the shrinking of a failure.
      { numRuns: 40, interruptAfterTimeLimit: 30_000 },
    );
  }, 60_000);
});
