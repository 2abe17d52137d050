/** `cashe access`: reads the policy, changes it, and replaces it if nobody else did meanwhile. */
import { readFileSync } from 'node:fs';
import { type AccessPolicy, isOpenPolicy, validateAccessPolicy } from '@cashe/codec';
import { newToken, tokenSha256 } from '../access/tokens.js';
import type { AccessActions, EditOptions } from './access-command.js';
import {
  type PolicyEdit,
  withBinding,
  withoutBinding,
  withoutRole,
  withoutToken,
  withRole,
  withToken,
} from './access-edits.js';
import { type PolicyFile, policyJson, policyYaml, readPolicy } from './access-text.js';
import type { CallOptions } from './call-options.js';
import type { ClusterApi, OpenCluster } from './cluster-client.js';
import { withNode } from './cluster-commands.js';
import { CommandError, exitCodes } from './exit-codes.js';
import type { Io } from './io.js';

export function accessActions(open: OpenCluster, io: Io): AccessActions {
  const edit = async (options: CallOptions & Partial<EditOptions>, change: PolicyEdit) => {
    const revision = await withNode(open, options, (api) =>
      applyEdit(api, change, options.restrict !== false),
    );
    return `policy at revision ${revision}\n`;
  };
  const editAndTell = async (options: CallOptions & Partial<EditOptions>, change: PolicyEdit) => {
    await io.write(await edit(options, change));
    return exitCodes.ok;
  };
  return {
    getAccess: async (options) => {
      const { revision, policy } = await withNode(open, options, (api) => api.getAccess());
      await io.write((options.json ? policyJson : policyYaml)(revision, policy));
      return exitCodes.ok;
    },
    setAccess: async (file, options) => {
      const given = readPolicy(await readText(file, io));
      const revision = await withNode(open, options, (api) => replace(api, given));
      await io.write(`policy at revision ${revision}\n`);
      return exitCodes.ok;
    },
    addToken: async (name, roles, options) => {
      const token = newToken();
      const done = await edit(options, withToken(name, tokenSha256(token), roles));
      // The token alone on standard output: `cashe access token add ci > token-file`.
      io.complain(done.trimEnd());
      await io.write(`${token}\n`);
      return exitCodes.ok;
    },
    removeToken: (name, options) => editAndTell(options, withoutToken(name)),
    setRole: (name, grants, options) => editAndTell(options, withRole(name, grants)),
    removeRole: (name, options) => editAndTell(options, withoutRole(name)),
    bind: (principal, role, options) => editAndTell(options, withBinding(principal, role)),
    unbind: (principal, role, options) => editAndTell(options, withoutBinding(principal, role)),
  };
}

/** Files may be as large as a policy in any notation. */
const fileBytesMax = 4 * 1024 * 1024;

async function readText(file: string, io: Io): Promise<string> {
  if (file !== '-') {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new CommandError(exitCodes.usage, `the policy cannot be read: ${reason}`);
    }
  }
  const bytes = await io.readAll(fileBytesMax);
  if (bytes !== undefined) return new TextDecoder().decode(bytes);
  const message = `standard input is larger than ${fileBytesMax} bytes`;
  throw new CommandError(exitCodes.usage, message);
}

/** A file without a revision replaces whatever is there. */
async function replace(api: ClusterApi, { policy, revision }: PolicyFile): Promise<number> {
  const expected = revision ?? (await api.getAccess()).revision;
  return api.setAccess(policy, expected);
}

/** Others may change the policy at the same time: so often the edit is made anew. */
const attemptsMax = 5;

async function applyEdit(
  api: ClusterApi,
  change: PolicyEdit,
  mayRestrict: boolean,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const { revision, policy } = await api.getAccess();
    const next = change(policy);
    if (isOpenPolicy(policy) && !mayRestrict) throw wouldRestrict();
    refuseInvalid(next);
    try {
      return await api.setAccess(next, revision);
    } catch (error) {
      const isRace = error instanceof CommandError && error.code === 'ABORTED';
      if (!isRace || attempt >= attemptsMax) throw error;
    }
  }
}

function wouldRestrict(): CommandError {
  const message =
    'the policy is open: everybody reads and writes. With this change only those have rights ' +
    'whom it binds to a role; say --restrict if that is meant, or write the whole policy into ' +
    'a file and use cashe access set';
  return new CommandError(exitCodes.refused, message);
}

/** The node checks it too; here the message has no address in front. */
function refuseInvalid(policy: AccessPolicy): void {
  const tokens = policy.tokens.map((token) =>
    token.sha256 === '' ? { ...token, sha256: tokenSha256(token.name) } : token,
  );
  const problem = validateAccessPolicy({ ...policy, tokens });
  if (problem !== undefined) throw new CommandError(exitCodes.refused, problem);
}
