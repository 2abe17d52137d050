/** `cashe access`: the flags of its commands. */

import type { AccessGrant } from '@cashe/codec';
import { type Command, InvalidArgumentError } from 'commander';
import { type CallOptions, callOptions, callTimeoutMs, withCallOptions } from './call-options.js';

/** Changes by flags apply to whatever is there; the first restriction has to be meant. */
export interface EditOptions extends CallOptions {
  readonly restrict: boolean;
}

export interface AccessActions {
  getAccess(options: CallOptions & { readonly json: boolean }): Promise<number>;
  /** `-`: standard input. */
  setAccess(file: string, options: CallOptions): Promise<number>;
  addToken(name: string, roles: readonly string[], options: EditOptions): Promise<number>;
  removeToken(name: string, options: CallOptions): Promise<number>;
  setRole(name: string, grants: readonly AccessGrant[], options: EditOptions): Promise<number>;
  removeRole(name: string, options: CallOptions): Promise<number>;
  bind(principal: string, role: string, options: EditOptions): Promise<number>;
  unbind(principal: string, role: string, options: CallOptions): Promise<number>;
}

type Finish = (run: Promise<number>) => Promise<void>;

export function addAccessCommands(program: Command, actions: AccessActions, finish: Finish): void {
  const access = program
    .command('access')
    .description('show and change who may do what: `cashe access --help`');
  called(access, 'get', 'print the policy as a file that `cashe access set` takes')
    .option('--json', 'print JSON', false)
    .action((options: CallOptions & { json: boolean }) =>
      finish(actions.getAccess(callOptions(options))),
    );
  called(access, 'set', 'replace the policy by that of a file (YAML or JSON; -: standard input)')
    .argument('<file>')
    .action((file: string, options: CallOptions) =>
      finish(actions.setAccess(file, callOptions(options))),
    );
  addTokenCommands(access, actions, finish);
  addRoleCommands(access, actions, finish);
}

function addTokenCommands(access: Command, actions: AccessActions, finish: Finish): void {
  const token = access.command('token').description('add and remove bearer tokens');
  editing(token, 'add', 'make a token and print it: only its hash is kept, so never again')
    .argument('<name>', 'its principal is token/NAME; a token of that name is replaced')
    .option('--role <NAME>', 'bind it to the role; may be repeated', appended, [])
    .action((name: string, options: EditOptions & { role: readonly string[] }) =>
      finish(actions.addToken(name, options.role, callOptions(options))),
    );
  called(token, 'remove', 'remove a token: at once nobody can use it any more')
    .argument('<name>')
    .action((name: string, options: CallOptions) =>
      finish(actions.removeToken(name, callOptions(options))),
    );
}

interface GrantFlags {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly admin: boolean;
}

function addRoleCommands(access: Command, actions: AccessActions, finish: Finish): void {
  const role = access.command('role').description('set and remove roles');
  editing(role, 'set', 'make a role, or replace what it grants')
    .argument('<name>')
    .option(
      '--read <PREFIX>',
      'keys that may be read; "" is every key; may be repeated',
      appended,
      [],
    )
    .option('--write <PREFIX>', 'the same for writing', appended, [])
    .option('--admin', 'members, settings, access, clear and backup', false)
    .action((name: string, options: EditOptions & GrantFlags) =>
      finish(actions.setRole(name, grantsOf(options), callOptions(options))),
    );
  called(role, 'remove', 'remove a role and its bindings')
    .argument('<name>')
    .action((name: string, options: CallOptions) =>
      finish(actions.removeRole(name, callOptions(options))),
    );
  editing(access, 'bind', 'give a role to a principal')
    .argument('<principal>', 'client/app, token/ci, anonymous; client/* is every client')
    .argument('<role>')
    .action((principal: string, name: string, options: EditOptions) =>
      finish(actions.bind(principal, name, callOptions(options))),
    );
  called(access, 'unbind', 'take a role from a principal')
    .argument('<principal>')
    .argument('<role>')
    .action((principal: string, name: string, options: CallOptions) =>
      finish(actions.unbind(principal, name, callOptions(options))),
    );
}

function called(parent: Command, name: string, description: string): Command {
  return withCallOptions(parent.command(name), callTimeoutMs).description(description);
}

function editing(parent: Command, name: string, description: string): Command {
  return called(parent, name, description).option(
    '--restrict',
    'go on although the policy is open, and everybody who is not bound loses all rights',
    false,
  );
}

function grantsOf({ read, write, admin }: GrantFlags): readonly AccessGrant[] {
  const grants: AccessGrant[] = [
    ...read.map((prefix): AccessGrant => ({ verb: 'read', prefix })),
    ...write.map((prefix): AccessGrant => ({ verb: 'write', prefix })),
  ];
  if (admin) grants.push({ verb: 'admin', prefix: '' });
  return grants;
}

const wordsMax = 64;

function appended(word: string, before: readonly string[]): readonly string[] {
  if (before.length >= wordsMax) throw new InvalidArgumentError(`at most ${wordsMax}`);
  return [...before, word];
}
