/** The access policy between the host's types and `cashe.v1.AccessPolicy`. */
import { type AccessPolicy, type AccessVerb, CodecError } from '@cashe/codec';
import { type AccessPolicy as PolicyMessage, Verb } from '@cashe/proto';

const verbNumbers = {
  read: Verb.READ,
  write: Verb.WRITE,
  admin: Verb.ADMIN,
} as const satisfies Record<AccessVerb, Verb>;

const verbsByNumber: ReadonlyMap<Verb, AccessVerb> = new Map([
  [Verb.READ, 'read'],
  [Verb.WRITE, 'write'],
  [Verb.ADMIN, 'admin'],
]);

export function policyMessage({ roles, bindings, tokens }: AccessPolicy): PolicyMessage {
  return {
    roles: roles.map(({ name, grants }) => ({
      name,
      grants: grants.map(({ verb, prefix }) => ({ verb: verbNumbers[verb], prefix })),
    })),
    bindings: bindings.map(({ principal, role }) => ({ principal, role })),
    tokens: tokens.map(({ name, sha256 }) => ({ name, sha256 })),
  };
}

/** Not validated (see validateAccessPolicy), but for verbs: throws a CodecError that names one. */
export function policyOf({ roles, bindings, tokens }: PolicyMessage): AccessPolicy {
  return {
    roles: roles.map(({ name, grants }) => ({
      name,
      grants: grants.map(({ verb, prefix }) => ({ verb: verbOf(verb), prefix })),
    })),
    bindings: bindings.map(({ principal, role }) => ({ principal, role })),
    tokens: tokens.map(({ name, sha256 }) => ({ name, sha256 })),
  };
}

function verbOf(number: Verb): AccessVerb {
  const verb = verbsByNumber.get(number);
  if (verb !== undefined) return verb;
  throw new CodecError(
    `the verb of a grant is ${number}; VERB_READ, VERB_WRITE and VERB_ADMIN are allowed`,
  );
}
