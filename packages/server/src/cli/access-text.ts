/** An access policy as a file: the section `access` of a node's configuration, with a revision. */
import type { AccessPolicy } from '@cashe/codec';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { CommandError, exitCodes } from './exit-codes.js';

/** A policy and the revision of the cluster's that it is, or is to replace. */
export interface PolicyFile {
  readonly revision: number | undefined;
  readonly policy: AccessPolicy;
}

const head = `# Who may do what: see docs/security.md. "cashe access set" takes this file
# if the policy is then still at this revision. A token without a hash keeps the one it has.
`;

export function policyYaml(revision: number, policy: AccessPolicy): string {
  return head + stringify(policyValue(revision, policy));
}

export function policyJson(revision: number, policy: AccessPolicy): string {
  return `${JSON.stringify(policyValue(revision, policy), null, 2)}\n`;
}

/** Hashes do not leave the cluster, so they are not shown as empty either. */
function policyValue(revision: number, { roles, bindings, tokens }: AccessPolicy): object {
  return { revision, roles, bindings, tokens: tokens.map(({ name }) => ({ name })) };
}

const grant = z.strictObject({ verb: z.enum(['read', 'write', 'admin']), prefix: z.string() });
const role = z.strictObject({ name: z.string(), grants: z.array(grant) });
const binding = z.strictObject({ principal: z.string(), role: z.string() });
const token = z.strictObject({ name: z.string(), sha256: z.string().default('') });
const policyFile = z.strictObject({
  revision: z.int().min(1).optional(),
  roles: z.array(role).default([]),
  bindings: z.array(binding).default([]),
  tokens: z.array(token).default([]),
});

/** Reads YAML or JSON; throws CommandError naming the place. */
export function readPolicy(text: string): PolicyFile {
  const result = policyFile.safeParse(parsed(text));
  if (!result.success) {
    const [issue] = result.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
    throw refused(`${place}${issue?.message ?? 'it is no policy'}`);
  }
  const { revision, ...policy } = result.data;
  return { revision, policy };
}

function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw refused(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
}

function refused(problem: string): CommandError {
  return new CommandError(exitCodes.usage, `the policy cannot be read: ${problem}`);
}
