/** The access policy as group 0 keeps it (R40): replaced by compare-and-set, never changed. */
import { type AccessPolicy, Code, type EntryCommand, validateAccessPolicy } from '@cashe/codec';
import { type CommandAnswer, commandDone } from './command-answer.js';
import { Hash64 } from './hash.js';

type SetAccess = Extract<EntryCommand, { kind: 'setAccess' }>;

export class AccessTable {
  policy: AccessPolicy;
  /** 1 at genesis; every change adds 1. */
  revision = 1;
  hash: Hash64;

  constructor(policy: AccessPolicy) {
    this.policy = policy;
    this.hash = hashPolicy(policy);
  }

  apply({ policy, expectedRevision }: SetAccess): CommandAnswer {
    const problem = validateAccessPolicy(policy);
    if (problem !== undefined) return { code: Code.INVALID_ARGUMENT, message: problem };
    const hash = hashPolicy(policy);
    if (expectedRevision !== this.revision) {
      // The leader that proposed this may have asked twice: done is done.
      const isRepeated = expectedRevision + 1 === this.revision && isSame(hash, this.hash);
      return isRepeated ? commandDone : replacedBefore(this.revision, expectedRevision);
    }
    this.replace(policy, this.revision + 1);
    return commandDone;
  }

  /** Also for the restorer. */
  replace(policy: AccessPolicy, revision: number): void {
    this.policy = policy;
    this.revision = revision;
    this.hash = hashPolicy(policy);
  }
}

function replacedBefore(revision: number, expected: number): CommandAnswer {
  const message =
    `the policy is at revision ${revision}, not ${expected}: ` +
    'read it again, and change what is there now';
  return { code: Code.ABORTED, message };
}

function hashPolicy({ roles, bindings, tokens }: AccessPolicy): Hash64 {
  const hash = new Hash64();
  hash.start(4);
  hash.word(roles.length);
  for (const { name, grants } of roles) {
    hash.text(name);
    hash.word(grants.length);
    for (const { verb, prefix } of grants) {
      hash.text(verb);
      hash.text(prefix);
    }
  }
  hash.word(bindings.length);
  for (const { principal, role } of bindings) {
    hash.text(principal);
    hash.text(role);
  }
  for (const { name, sha256 } of tokens) {
    hash.text(name);
    hash.text(sha256);
  }
  hash.finish();
  return hash;
}

function isSame(one: Hash64, other: Hash64): boolean {
  return one.high === other.high && one.low === other.low;
}
