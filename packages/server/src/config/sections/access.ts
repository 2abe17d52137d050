/** The section `access`: who may do what, as the cluster starts with it (R40). */
import type { AccessBinding, AccessRole, AccessToken } from '@cashe/codec';
import { z } from 'zod';
import type { OptionSpecs } from '../option.js';
import type { AuditLevel } from '../options.js';
import { listOf, oneOf, record, text } from '../values.js';

export interface AccessValues {
  readonly 'access.roles': readonly AccessRole[];
  readonly 'access.bindings': readonly AccessBinding[];
  readonly 'access.tokens': readonly AccessToken[];
  readonly 'access.audit': AuditLevel;
}

// Names, patterns, counts and what refers to what are `validateAccessPolicy`'s, in the rules.
const grant = record('a grant', {
  verb: oneOf(['read', 'write', 'admin']),
  prefix: z.string({ error: 'must be a text that keys start with; "" is every key' }),
});
const role = record('a role', { name: text('a name'), grants: listOf('grants', grant) });
const binding = record('a binding', { principal: text('a principal'), role: text('a role name') });
const sha256Error = 'must be the SHA-256 of the token, 64 of 0-9 a-f';
const sha256 = z.string({ error: sha256Error }).regex(/^[0-9a-f]{64}$/, { error: sha256Error });
const token = record('a token', { name: text('a name'), sha256 });

export const accessOptions: OptionSpecs<AccessValues> = {
  'access.roles': {
    schema: listOf('roles', role),
    structured: true,
    replicated: true,
    help: 'rights by name, each { name, grants: [{ verb, prefix }] }; verbs: read, write, admin',
    fallback: [],
    example:
      '[{ name: app, grants: [{ verb: read, prefix: "" }, { verb: write, prefix: "app:" }] }]',
  },
  'access.bindings': {
    schema: listOf('bindings', binding),
    structured: true,
    replicated: true,
    help: 'who has which role, each { principal, role }: client/app, token/ci, client/*, anonymous',
    fallback: [],
    example: '[{ principal: client/app, role: app }]',
  },
  'access.tokens': {
    schema: listOf('tokens', token),
    structured: true,
    replicated: true,
    help: 'bearer tokens, each { name, sha256 }: the SHA-256 of the token in hex, never the token',
    fallback: [],
    example: '[{ name: ci, sha256: "<64 of 0-9 a-f>" }]',
    redact: (tokens) => tokens.map(({ name }) => ({ name, sha256: '<hidden>' })),
  },
  'access.audit': {
    schema: oneOf(['none', 'denials', 'all']),
    help:
      'what this node (not replicated) logs with audit: true; denials: those and changes of the ' +
      'cluster; all: reads and writes, too',
    fallback: 'denials',
  },
};
