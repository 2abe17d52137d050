/** The genesis record and a node's identity, as bytes on disk and as what the host needs (R25). */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { FORMAT_VERSION, SESSION_WINDOW_DEFAULT, VALUE_BYTES_MAX_DEFAULT } from '@cashe/codec';
import { Eviction, GenesisRecord, type Member, NodeIdentity } from '@cashe/proto';
import type { NodeRecord, Settings, StoreGenesis } from '@cashe/store';
import { defaultSettings, type GivenSettings } from '../config/options.js';

/** Replicated settings that have no flag yet. */
const SESSIONS_MAX = 16_384;
const SESSION_BYTES_MAX = 64 * 1024 * 1024;
/** Far above any deadline of a call: nobody still waits for a batch of such a session. */
const SESSION_IDLE_MS = 10 * 60 * 1000;

export function genesisSettings(given: GivenSettings): Settings {
  const { entriesMax, bytesMax, eviction, replicationFactor } = { ...defaultSettings, ...given };
  return {
    entriesMax,
    bytesMax,
    eviction,
    replicationFactor,
    valueBytesMax: VALUE_BYTES_MAX_DEFAULT,
    sessionsMax: SESSIONS_MAX,
    sessionWindow: SESSION_WINDOW_DEFAULT,
    sessionBytesMax: SESSION_BYTES_MAX,
    sessionIdleMs: SESSION_IDLE_MS,
  };
}

/** A founder as it was found: replica ids follow from the order. */
export interface FoundNode {
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly clientAddress: string;
  readonly raftAddress: string;
}

/** The record a new cluster starts from; random where it must be, seeded only in the simulator. */
export function newGenesisRecord(
  founders: readonly FoundNode[],
  settings: Settings,
  random: (bytes: number) => Uint8Array = randomBytes,
): Uint8Array {
  const record: GenesisRecord = {
    clusterId: Buffer.from(random(16)).toString('hex'),
    founders: founders.map((founder, i) => ({
      ...founder,
      replicaId: i + 1,
      formatVersionMax: FORMAT_VERSION,
      leaving: false,
    })),
    groupCount: 1,
    settings: {
      cache: {
        entriesMax: settings.entriesMax,
        bytesMax: settings.bytesMax,
        eviction: settings.eviction === 'lru' ? Eviction.LRU : Eviction.NOEVICTION,
        replicationFactor: settings.replicationFactor,
      },
      valueBytesMax: settings.valueBytesMax,
      sessionsMax: settings.sessionsMax,
      sessionWindow: settings.sessionWindow,
      sessionBytesMax: settings.sessionBytesMax,
      sessionIdleMs: settings.sessionIdleMs,
    },
    hashSeed: Buffer.from(random(4)).readUInt32LE(0),
    formatVersion: FORMAT_VERSION,
  };
  return GenesisRecord.encode(record).finish();
}

export interface Genesis {
  readonly clusterId: string;
  readonly founders: readonly NodeRecord[];
  readonly groupCount: number;
  readonly settings: Settings;
  readonly bytes: Uint8Array;
  /** What every replica of a group starts from. */
  group(group: number): StoreGenesis;
}

/** Throws when the bytes are no genesis record or one of a newer format. */
export function readGenesis(bytes: Uint8Array): Genesis {
  const record = GenesisRecord.decode(bytes);
  const { cache } = record.settings ?? {};
  if (record.settings === undefined || cache === undefined || record.groupCount < 1) {
    throw new Error('the genesis record is incomplete');
  }
  if (record.formatVersion > FORMAT_VERSION) {
    throw new Error(
      `the cluster's log format is ${record.formatVersion}, this release knows ` +
        `${FORMAT_VERSION}: use a newer one`,
    );
  }
  const settings: Settings = {
    entriesMax: cache.entriesMax,
    bytesMax: cache.bytesMax,
    eviction: cache.eviction === Eviction.NOEVICTION ? 'noeviction' : 'lru',
    replicationFactor: cache.replicationFactor,
    valueBytesMax: record.settings.valueBytesMax,
    sessionsMax: record.settings.sessionsMax,
    sessionWindow: record.settings.sessionWindow,
    sessionBytesMax: record.settings.sessionBytesMax,
    sessionIdleMs: record.settings.sessionIdleMs,
  };
  const { clusterId, founders, groupCount, hashSeed } = record;
  return {
    clusterId,
    founders,
    groupCount,
    settings,
    bytes,
    group: (groupId) => ({ groupId, hashSeed, settings, nodes: groupId === 0 ? founders : [] }),
  };
}

export interface Identity {
  readonly nodeId: string;
  readonly replicaId: number;
  /** Members when the node was admitted; the log says who they are later. */
  readonly members: readonly NodeRecord[];
}

export function encodeIdentity(identity: Identity): Uint8Array {
  const { nodeId, replicaId, members } = identity;
  return NodeIdentity.encode({ nodeId, replicaId, members: [...members] }).finish();
}

export function decodeIdentity(bytes: Uint8Array): Identity {
  return NodeIdentity.decode(bytes);
}

/** Members as AddMember answers them. */
export function recordsOf(members: readonly Member[]): NodeRecord[] {
  return members.map((member) => ({
    nodeId: member.nodeId,
    nodeUid: member.nodeUid,
    clientAddress: member.clientAddress,
    raftAddress: member.raftAddress,
    replicaId: member.replicaId,
    formatVersionMax: FORMAT_VERSION,
    leaving: member.leaving,
  }));
}

/** The first replicated setting that was stated and differs from what the cluster has (R25). */
export function settingConflict(
  given: GivenSettings,
  stored: Required<GivenSettings>,
): string | undefined {
  for (const name of ['entriesMax', 'bytesMax', 'eviction', 'replicationFactor'] as const) {
    const stated = given[name];
    if (stated === undefined || stated === stored[name]) continue;
    const wayOut = 'leave it out or state the same value';
    return `${FLAGS[name]} is ${stated}, but the cluster has ${stored[name]}: ${wayOut}`;
  }
  return undefined;
}

const FLAGS = {
  entriesMax: '--capacity (cache.capacity)',
  bytesMax: '--max-bytes (cache.max_bytes)',
  eviction: '--eviction (cache.eviction)',
  replicationFactor: '--replication-factor (cluster.replication_factor)',
} as const;
