import { readAccessPolicy } from './access-wire.js';
import { CodecError } from './errors.js';
import { codeOf } from './names.js';
import { readSettingsChanges } from './settings-wire.js';
import type { BatchEnvelope, EntryCommand, StateDigest, Verdict } from './types.js';
import { seenOnce, UINT32_MAX, type WireReader } from './wire-reader.js';

export function readEnvelope(reader: WireReader): BatchEnvelope {
  const verdicts: Verdict[] = [];
  let session = 0;
  let sequence = 0;
  let firstOutstanding = 0;
  let crc = 0;
  let principal = '';
  let opCount = 0;
  let seen = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag !== 0x3a) seen = seenOnce(seen, tag);
    if (tag === 0x08) session = reader.uint();
    else if (tag === 0x10) sequence = reader.uint();
    else if (tag === 0x18) firstOutstanding = reader.uint();
    else if (tag === 0x20) crc = reader.uint32();
    else if (tag === 0x2a) principal = reader.string();
    else if (tag === 0x30) opCount = reader.uint32();
    else if (tag === 0x3a) verdicts.push(readVerdict(reader));
    else throw unknownField('BatchEnvelope', tag);
  }
  reader.leave(outer);
  return { session, sequence, firstOutstanding, crc, principal, opCount, verdicts };
}

function readVerdict(reader: WireReader): Verdict {
  let index = 0;
  let number = 0;
  let seen = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    seen = seenOnce(seen, tag);
    if (tag === 0x08) index = reader.uint32();
    else if (tag === 0x10) number = reader.uint32();
    else throw unknownField('Verdict', tag);
  }
  reader.leave(outer);
  const code = codeOf(number);
  if (code === undefined) throw new CodecError(`Verdict: code ${number} is unknown`);
  return { index, code };
}

export function readStateDigest(reader: WireReader): StateDigest {
  let index = 0;
  let high = 0;
  let low = 0;
  let seen = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    seen = seenOnce(seen, tag);
    if (tag === 0x08) index = reader.uint();
    else if (tag === 0x15) high = reader.fixed32();
    else if (tag === 0x1d) low = reader.fixed32();
    else throw unknownField('StateDigest', tag);
  }
  reader.leave(outer);
  return { index, high, low };
}

const closeSessionTags = [0x08, 0x12];
const addNodeTags = [0x0a, 0x12, 0x1a, 0x22, 0x28];
const updateNodeTags = [0x0a, 0x12, 0x1a, 0x20, 0x28];
const oneTextTags = [0x0a];

/** The message of the header's `oneof command` that the tag names. */
export function readCommand(reader: WireReader, tag: number): EntryCommand {
  switch (tag) {
    case 0x3a: {
      const fields = readScalars(reader, 'OpenSessionCommand', oneTextTags);
      return { kind: 'openSession', owner: fields.text(1) };
    }
    case 0x42: {
      const fields = readScalars(reader, 'CloseSessionCommand', closeSessionTags);
      return { kind: 'closeSession', session: fields.number(1), principal: fields.text(2) };
    }
    case 0x4a:
      return readAddNode(readScalars(reader, 'AddNodeCommand', addNodeTags));
    case 0x52:
      return readUpdateNode(readScalars(reader, 'UpdateNodeCommand', updateNodeTags));
    case 0x5a: {
      const fields = readScalars(reader, 'RemoveNodeCommand', oneTextTags);
      return { kind: 'removeNode', nodeUid: fields.text(1) };
    }
    case 0x62:
      return readSetAccess(reader);
    case 0x6a:
      return readChangeSettings(reader);
    default:
      throw unknownField('EntryHeader', tag);
  }
}

function readAddNode(fields: Scalars): EntryCommand {
  return {
    kind: 'addNode',
    nodeId: fields.text(1),
    nodeUid: fields.text(2),
    clientAddress: fields.text(3),
    raftAddress: fields.text(4),
    formatVersionMax: fields.uint32(5),
  };
}

function readUpdateNode(fields: Scalars): EntryCommand {
  return {
    kind: 'updateNode',
    nodeUid: fields.text(1),
    clientAddress: fields.text(2),
    raftAddress: fields.text(3),
    formatVersionMax: fields.uint32(4),
    leaving: fields.number(5) !== 0,
  };
}

function readSetAccess(reader: WireReader): EntryCommand {
  const [policy, expectedRevision] = readRevised(reader, 'SetAccessCommand', readAccessPolicy);
  return { kind: 'setAccess', policy, expectedRevision };
}

function readChangeSettings(reader: WireReader): EntryCommand {
  const [changes, revision] = readRevised(reader, 'ChangeSettingsCommand', readSettingsChanges);
  return { kind: 'changeSettings', changes, revision };
}

/** A message of another one, which must be there, and a revision. */
function readRevised<T>(
  reader: WireReader,
  message: string,
  read: (reader: WireReader) => T,
): readonly [T, number] {
  let body: T | undefined;
  let revision = 0;
  let seen = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    seen = seenOnce(seen, tag);
    if (tag === 0x0a) body = read(reader);
    else if (tag === 0x10) revision = reader.uint();
    else throw unknownField(message, tag);
  }
  reader.leave(outer);
  if (body === undefined) throw new CodecError(`${message}: field 1 is missing`);
  return [body, revision];
}

/** Fields of a small message by number, at their proto3 default where absent. */
class Scalars {
  readonly #values: (number | string)[] = [];

  put(field: number, value: number | string): void {
    this.#values[field] = value;
  }

  text(field: number): string {
    const value = this.#values[field];
    return typeof value === 'string' ? value : '';
  }

  number(field: number): number {
    const value = this.#values[field];
    return typeof value === 'number' ? value : 0;
  }

  uint32(field: number): number {
    const value = this.number(field);
    if (value > UINT32_MAX) throw new CodecError(`${value} is no uint32`);
    return value;
  }
}

/** Reads a message of strings and integers; for commands, which are rare. */
function readScalars(reader: WireReader, message: string, tags: readonly number[]): Scalars {
  const fields = new Scalars();
  let seen = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    seen = seenOnce(seen, tag);
    if (!tags.includes(tag)) throw unknownField(message, tag);
    fields.put(tag >>> 3, tag % 8 === 0 ? reader.uint() : reader.string());
  }
  reader.leave(outer);
  return fields;
}

function unknownField(message: string, tag: number): CodecError {
  return new CodecError(`${message}: tag ${tag} is unknown`);
}
