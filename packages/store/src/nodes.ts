/**
 * The nodes as group 0 records them (R8, R25). The list is replaced, never changed, so whoever
 * holds it (a seal) keeps what it was. Messages are part of answers: deterministic.
 */
import { Code, type EntryCommand } from '@cashe/codec';
import { type CommandAnswer, commandDone } from './command-answer.js';
import { Hash64 } from './hash.js';
import { NODES_MAX } from './limits.js';
import type { NodeRecord } from './types.js';

type NodeCommand = Extract<EntryCommand, { kind: 'addNode' | 'updateNode' | 'removeNode' }>;
type AddNode = Extract<EntryCommand, { kind: 'addNode' }>;
type UpdateNode = Extract<EntryCommand, { kind: 'updateNode' }>;

export class NodeTable {
  records: readonly NodeRecord[];

  constructor(records: readonly NodeRecord[]) {
    this.records = records;
  }

  /** `index` and `formatVersion` are those of the entry. */
  apply(command: NodeCommand, index: number, formatVersion: number): CommandAnswer {
    switch (command.kind) {
      case 'addNode':
        return this.add(command, index, formatVersion);
      case 'updateNode':
        return this.update(command);
      case 'removeNode':
        return this.remove(command.nodeUid);
      default:
        return unreachable(command);
    }
  }

  hash(): Hash64 {
    const hash = new Hash64();
    hash.start(3);
    for (const node of this.records) {
      hash.text(node.nodeId);
      hash.text(node.nodeUid);
      hash.text(node.clientAddress);
      hash.text(node.raftAddress);
      hash.integer(node.replicaId);
      hash.integer(node.formatVersionMax);
      hash.word(node.leaving ? 1 : 0);
    }
    hash.finish();
    return hash;
  }

  /** The same nodeUid again is a retry, or a node that moved. */
  private add(command: AddNode, index: number, formatVersion: number): CommandAnswer {
    const { nodeId, nodeUid, clientAddress, raftAddress, formatVersionMax } = command;
    if (formatVersionMax < formatVersion) return tooOld(nodeId, formatVersionMax, formatVersion);
    const known = this.find(nodeUid);
    if (known !== undefined) {
      if (known.nodeId !== nodeId) return otherId(known, nodeId);
      this.replace({ ...known, clientAddress, raftAddress, formatVersionMax });
      return commandDone;
    }
    if (this.records.some((node) => node.replicaId >= index)) return indexTaken(index);
    const namesake = this.records.find((node) => node.nodeId === nodeId);
    if (namesake !== undefined) return otherUid(namesake, nodeUid);
    if (this.records.length >= NODES_MAX) {
      const message = `the cluster has ${NODES_MAX} nodes, the most there can be`;
      return { code: Code.RESOURCE_EXHAUSTED, message };
    }
    const addresses = { clientAddress, raftAddress };
    const record = { nodeId, nodeUid, ...addresses, replicaId: index, formatVersionMax };
    this.records = [...this.records, { ...record, leaving: false }];
    return commandDone;
  }

  /** Empty strings and 0 keep what is there; leaving cannot be taken back. */
  private update(command: UpdateNode): CommandAnswer {
    const known = this.find(command.nodeUid);
    if (known === undefined) return unknownNode(command.nodeUid);
    if (command.leaving && !this.records.some((node) => node !== known && !node.leaving)) {
      return lastMember(known.nodeId);
    }
    this.replace({
      ...known,
      clientAddress: command.clientAddress || known.clientAddress,
      raftAddress: command.raftAddress || known.raftAddress,
      formatVersionMax: command.formatVersionMax || known.formatVersionMax,
      leaving: known.leaving || command.leaving,
    });
    return commandDone;
  }

  private remove(nodeUid: string): CommandAnswer {
    if (this.find(nodeUid) === undefined) return unknownNode(nodeUid);
    this.records = this.records.filter((node) => node.nodeUid !== nodeUid);
    return commandDone;
  }

  private find(nodeUid: string): NodeRecord | undefined {
    return this.records.find((node) => node.nodeUid === nodeUid);
  }

  private replace(record: NodeRecord): void {
    this.records = this.records.map((node) => (node.nodeUid === record.nodeUid ? record : node));
  }
}

/** Ids of nodes are indices of this log, and founders have 1 to n (R8): the leader sees to it. */
function indexTaken(index: number): CommandAnswer {
  return { code: Code.BUSY, message: `${index} is already a replica id: ask again` };
}

function lastMember(nodeId: string): CommandAnswer {
  const message = `${nodeId} is the last member that stays: it cannot leave, only stop`;
  return { code: Code.INVALID_ARGUMENT, message };
}

function unknownNode(nodeUid: string): CommandAnswer {
  return { code: Code.NOT_FOUND, message: `no node has the uid ${nodeUid}` };
}

function otherUid(namesake: NodeRecord, nodeUid: string): CommandAnswer {
  const { nodeId, nodeUid: knownUid } = namesake;
  const message =
    `node ${nodeId} is a member with the uid ${knownUid}, not ${nodeUid}: ` +
    `remove node ${nodeId} first, or start the new node under another id`;
  return { code: Code.INVALID_ARGUMENT, message };
}

function otherId(known: NodeRecord, nodeId: string): CommandAnswer {
  const message =
    `the node with the uid ${known.nodeUid} is a member as ${known.nodeId}, not ${nodeId}: ` +
    `start it as ${known.nodeId}, or remove ${known.nodeId} first`;
  return { code: Code.INVALID_ARGUMENT, message };
}

function tooOld(nodeId: string, formatVersionMax: number, formatVersion: number): CommandAnswer {
  const message =
    `node ${nodeId} applies log formats up to ${formatVersionMax}, the cluster writes ` +
    `${formatVersion}: upgrade the node first`;
  return { code: Code.INVALID_ARGUMENT, message };
}

function unreachable(command: never): never {
  throw new TypeError(`unexpected command ${JSON.stringify(command)}`);
}
