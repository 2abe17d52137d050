/**
 * Who may do what, written down a second time and plainly (R40): every policy of the run with the
 * index of its entry, and a look at every grant.
 */
import { type AccessPolicy, Code, type EntryCommand } from '@cashe/codec';

type SetAccess = Extract<EntryCommand, { kind: 'setAccess' }>;

interface InForce {
  readonly index: number;
  readonly policy: AccessPolicy;
}

export class ReferenceAccess {
  readonly #policies: InForce[];

  constructor(policy: AccessPolicy) {
    this.#policies = [{ index: 0, policy }];
  }

  /** The one of genesis is 1. */
  get revision(): number {
    return this.#policies.length;
  }

  set({ policy, expectedRevision }: SetAccess, index: number): Code {
    if (expectedRevision !== this.revision) {
      const isRepeated = expectedRevision + 1 === this.revision && this.#isLatest(policy);
      return isRepeated ? Code.OK : Code.ABORTED;
    }
    this.#policies.push({ index, policy });
    return Code.OK;
  }

  /** Whether some policy in force from entry `from` on let the principal do it. */
  allowed(from: number, principal: string, verb: 'read' | 'write', key: string): boolean {
    return this.#since(from).some((policy) => grants(policy, principal, verb, key));
  }

  /** Whether some policy in force from entry `from` on did not. */
  denied(from: number, principal: string, verb: 'read' | 'write', key: string): boolean {
    return this.#since(from).some((policy) => !grants(policy, principal, verb, key));
  }

  #since(from: number): AccessPolicy[] {
    return this.#policies
      .filter((_, at) => (this.#policies[at + 1]?.index ?? Number.POSITIVE_INFINITY) > from)
      .map(({ policy }) => policy);
  }

  #isLatest(policy: AccessPolicy): boolean {
    const latest = this.#policies.at(-1)?.policy;
    return JSON.stringify(latest) === JSON.stringify(policy);
  }
}

function grants(policy: AccessPolicy, principal: string, verb: string, key: string): boolean {
  const { roles, bindings, tokens } = policy;
  if (roles.length + bindings.length + tokens.length === 0) return true;
  return bindings.some((binding) => {
    const { principal: pattern } = binding;
    const isForIt = pattern.endsWith('*')
      ? principal.startsWith(pattern.slice(0, -1))
      : principal === pattern;
    const role = roles.find(({ name }) => name === binding.role);
    return isForIt && role?.grants.some((one) => one.verb === verb && key.startsWith(one.prefix));
  });
}
