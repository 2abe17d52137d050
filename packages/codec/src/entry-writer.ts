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
  return (
    COMMAND_BASE_BYTES_MAX + commandText(command).reduce((sum, text) => sum + utf8Bytes(text), 0)
  );
}

function commandText(command: EntryCommand): readonly string[] {
  switch (command.kind) {
    case 'openSession':
      return [command.owner];
    case 'closeSession':
      return [command.principal];
    case 'addNode':
      return [command.nodeId, command.nodeUid, command.clientAddress, command.raftAddress];
    case 'updateNode':
      return [command.nodeUid, command.clientAddress, command.raftAddress];
    case 'removeNode':
      return [command.nodeUid];
  }
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
  }
  writer.end();
}
