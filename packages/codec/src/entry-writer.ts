import { accessPolicyBytes } from './access-rules.js';
import { writeAccessPolicy } from './access-wire.js';
import { SETTINGS_CHANGES_BYTES_MAX, writeSettingsChanges } from './settings-wire.js';
import type { BatchEnvelope, EntryCommand, StateDigest } from './types.js';
import { utf8Bytes } from './utf8.js';
import type { WireWriter } from './wire-writer.js';

const COMMAND_BASE_BYTES_MAX = 64;

export function writeEnvelope(writer: WireWriter, field: number, envelope: BatchEnvelope): void {
  writer.begin(field);
  writer.uint(1, envelope.session);
  writer.uint(2, envelope.sequence);
  writer.uint(3, envelope.firstOutstanding);
  writer.uint(4, envelope.crc);
  writer.string(5, envelope.principal);
  writer.uint(6, envelope.opCount);
  for (const { index, code } of envelope.verdicts) {
    writer.begin(7);
    writer.uint(1, index);
    writer.uint(2, code);
    writer.end();
  }
  writer.end();
}

export function writeStateDigest(writer: WireWriter, field: number, digest: StateDigest): void {
  writer.begin(field);
  writer.uint(1, digest.index);
  writer.fixed32(2, digest.high);
  writer.fixed32(3, digest.low);
  writer.end();
}

/** Bytes of the command at most. */
export function commandBytesMax(command: EntryCommand): number {
  switch (command.kind) {
    case 'openSession':
      return textBytes(command.owner);
    case 'closeSession':
      return textBytes(command.principal);
    case 'addNode':
      return textBytes(command.nodeId, command.nodeUid, command.clientAddress, command.raftAddress);
    case 'updateNode':
      return textBytes(command.nodeUid, command.clientAddress, command.raftAddress);
    case 'removeNode':
      return textBytes(command.nodeUid);
    case 'setAccess':
      return COMMAND_BASE_BYTES_MAX + accessPolicyBytes(command.policy);
    case 'changeSettings':
      return COMMAND_BASE_BYTES_MAX + SETTINGS_CHANGES_BYTES_MAX;
  }
}

function textBytes(...texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + utf8Bytes(text), COMMAND_BASE_BYTES_MAX);
}

/** The header's `oneof command`. */
export function writeCommand(writer: WireWriter, command: EntryCommand): void {
  switch (command.kind) {
    case 'openSession':
      writer.begin(7);
      writer.string(1, command.owner);
      break;
    case 'closeSession':
      writer.begin(8);
      writer.uint(1, command.session);
      writer.string(2, command.principal);
      break;
    case 'addNode':
      writer.begin(9);
      writer.string(1, command.nodeId);
      writer.string(2, command.nodeUid);
      writer.string(3, command.clientAddress);
      writer.string(4, command.raftAddress);
      writer.uint(5, command.formatVersionMax);
      break;
    case 'updateNode':
      writer.begin(10);
      writer.string(1, command.nodeUid);
      writer.string(2, command.clientAddress);
      writer.string(3, command.raftAddress);
      writer.uint(4, command.formatVersionMax);
      writer.bool(5, command.leaving);
      break;
    case 'removeNode':
      writer.begin(11);
      writer.string(1, command.nodeUid);
      break;
    case 'setAccess':
      writer.begin(12, 4096);
      writer.begin(1, 4096);
      writeAccessPolicy(writer, command.policy);
      writer.end();
      writer.uint(2, command.expectedRevision);
      break;
    case 'changeSettings':
      writer.begin(13);
      writer.begin(1);
      writeSettingsChanges(writer, command.changes);
      writer.end();
      writer.uint(2, command.revision);
      break;
  }
  writer.end();
}
