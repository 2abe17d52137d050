/** Bodies of what a node tells by itself on a Session stream. */
import type { GroupLeader, Limits, ServerHello } from './types.js';
import type { WireReader } from './wire-reader.js';
import type { WireWriter } from './wire-writer.js';

export function writeServerHello(writer: WireWriter, hello: ServerHello): void {
  writer.uint(1, hello.protocolVersion);
  writer.string(2, hello.clusterId);
  writer.string(3, hello.nodeId);
  writer.string(4, hello.nodeUid);
  writer.uint(5, hello.groupCount);
  writer.uint(6, hello.batchesMax);
  writer.uint(7, hello.bytesMax);
  writer.begin(8);
  writer.uint(1, hello.limits.valueBytesMax);
  writer.uint(2, hello.limits.keyBytesMax);
  writer.uint(3, hello.limits.opBytesMax);
  writer.uint(4, hello.limits.batchBytesMax);
  writer.uint(5, hello.limits.batchOpsMax);
  writer.uint(6, hello.limits.sessionWindow);
  writer.end();
  writer.uint(9, hello.settingsHash);
}

export function readServerHello(reader: WireReader): ServerHello {
  let protocolVersion = 0;
  let clusterId = '';
  let nodeId = '';
  let nodeUid = '';
  let groupCount = 0;
  let batchesMax = 0;
  let bytesMax = 0;
  let limits: Limits = noLimits;
  let settingsHash = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) protocolVersion = reader.uint32();
    else if (tag === 0x12) clusterId = reader.string();
    else if (tag === 0x1a) nodeId = reader.string();
    else if (tag === 0x22) nodeUid = reader.string();
    else if (tag === 0x28) groupCount = reader.uint32();
    else if (tag === 0x30) batchesMax = reader.uint32();
    else if (tag === 0x38) bytesMax = reader.uint32();
    else if (tag === 0x42) limits = readLimits(reader);
    else if (tag === 0x48) settingsHash = reader.uint32();
    else reader.skip(tag);
  }
  reader.leave(outer);
  const identity = { protocolVersion, clusterId, nodeId, nodeUid, groupCount };
  return { kind: 'hello', ...identity, batchesMax, bytesMax, limits, settingsHash };
}

const noLimits: Limits = {
  valueBytesMax: 0,
  keyBytesMax: 0,
  opBytesMax: 0,
  batchBytesMax: 0,
  batchOpsMax: 0,
  sessionWindow: 0,
};

function readLimits(reader: WireReader): Limits {
  let valueBytesMax = 0;
  let keyBytesMax = 0;
  let opBytesMax = 0;
  let batchBytesMax = 0;
  let batchOpsMax = 0;
  let sessionWindow = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) valueBytesMax = reader.uint32();
    else if (tag === 0x10) keyBytesMax = reader.uint32();
    else if (tag === 0x18) opBytesMax = reader.uint32();
    else if (tag === 0x20) batchBytesMax = reader.uint32();
    else if (tag === 0x28) batchOpsMax = reader.uint32();
    else if (tag === 0x30) sessionWindow = reader.uint32();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { valueBytesMax, keyBytesMax, opBytesMax, batchBytesMax, batchOpsMax, sessionWindow };
}

export function writeGroupLeader(writer: WireWriter, leader: GroupLeader): void {
  writer.uint(1, leader.group);
  writer.uint(2, leader.term);
  writer.string(3, leader.nodeId);
  writer.string(4, leader.clientAddress);
}

export function readGroupLeader(reader: WireReader): GroupLeader {
  let group = 0;
  let term = 0;
  let nodeId = '';
  let clientAddress = '';
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === 0x08) group = reader.uint32();
    else if (tag === 0x10) term = reader.uint();
    else if (tag === 0x1a) nodeId = reader.string();
    else if (tag === 0x22) clientAddress = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { kind: 'leader', group, term, nodeId, clientAddress };
}
