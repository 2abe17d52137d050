/** An access policy as entries and snapshots keep it: `cashe.v1.AccessPolicy`, read strictly. */
import type {
  AccessBinding,
  AccessGrant,
  AccessPolicy,
  AccessRole,
  AccessToken,
  AccessVerb,
} from './access-policy.js';
import { accessPolicyBytes } from './access-rules.js';
import { CodecError } from './errors.js';
import { seenOnce, WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/** By the number of `cashe.v1.Verb`. */
const verbs: readonly (AccessVerb | undefined)[] = [undefined, 'read', 'write', 'admin'];

export function encodeAccessPolicy(policy: AccessPolicy): Uint8Array {
  const writer = new WireWriter(accessPolicyBytes(policy));
  writeAccessPolicy(writer, policy);
  return writer.finish();
}

/** Throws a CodecError on anything that encodeAccessPolicy would not write. */
export function decodeAccessPolicy(bytes: Uint8Array): AccessPolicy {
  return readFields(new WireReader(bytes));
}

/** The fields of a message that the caller has begun. */
export function writeAccessPolicy(writer: WireWriter, policy: AccessPolicy): void {
  for (const { name, grants } of policy.roles) {
    writer.begin(1, 128);
    writer.string(1, name);
    for (const { verb, prefix } of grants) {
      writer.begin(2);
      writer.uint(1, verbs.indexOf(verb));
      writer.string(2, prefix);
      writer.end();
    }
    writer.end();
  }
  for (const { principal, role } of policy.bindings) {
    writer.begin(2);
    writer.string(1, principal);
    writer.string(2, role);
    writer.end();
  }
  for (const { name, sha256 } of policy.tokens) {
    writer.begin(3);
    writer.string(1, name);
    writer.string(2, sha256);
    writer.end();
  }
}

/** The message that follows. */
export function readAccessPolicy(reader: WireReader): AccessPolicy {
  const outer = reader.enter();
  const policy = readFields(reader);
  reader.leave(outer);
  return policy;
}

function readFields(reader: WireReader): AccessPolicy {
  const roles: AccessRole[] = [];
  const bindings: AccessBinding[] = [];
  const tokens: AccessToken[] = [];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x0a) roles.push(readRole(reader));
    else if (tag === 0x12) bindings.push(readBinding(reader));
    else if (tag === 0x1a) tokens.push(readToken(reader));
    else throw unknownField('AccessPolicy', tag);
  }
  return { roles, bindings, tokens };
}

function readRole(reader: WireReader): AccessRole {
  const grants: AccessGrant[] = [];
  let name = '';
  let seen = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag !== 0x12) seen = seenOnce(seen, tag);
    if (tag === 0x0a) name = reader.string();
    else if (tag === 0x12) grants.push(readGrant(reader));
    else throw unknownField('AccessRole', tag);
  }
  reader.leave(outer);
  return { name, grants };
}

function readGrant(reader: WireReader): AccessGrant {
  let number = 0;
  let prefix = '';
  let seen = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    seen = seenOnce(seen, tag);
    if (tag === 0x08) number = reader.uint32();
    else if (tag === 0x12) prefix = reader.string();
    else throw unknownField('AccessGrant', tag);
  }
  reader.leave(outer);
  const verb = verbs[number];
  if (verb === undefined) throw new CodecError(`AccessGrant: verb ${number} is unknown`);
  return { verb, prefix };
}

function readBinding(reader: WireReader): AccessBinding {
  const [principal, role] = readTexts(reader, 'AccessBinding');
  return { principal, role };
}

function readToken(reader: WireReader): AccessToken {
  const [name, sha256] = readTexts(reader, 'AccessToken');
  return { name, sha256 };
}

/** A message of two strings. */
function readTexts(reader: WireReader, message: string): readonly [string, string] {
  let first = '';
  let second = '';
  let seen = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    seen = seenOnce(seen, tag);
    if (tag === 0x0a) first = reader.string();
    else if (tag === 0x12) second = reader.string();
    else throw unknownField(message, tag);
  }
  reader.leave(outer);
  return [first, second];
}

function unknownField(message: string, tag: number): CodecError {
  return new CodecError(`${message}: tag ${tag} is unknown`);
}
