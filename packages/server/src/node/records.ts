/** The genesis record and a node's identity, as bytes on disk and as what the host needs (R25). */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import {
  type AccessPolicy,
  FORMAT_VERSION,
  openPolicy,
  SESSION_WINDOW_DEFAULT,
  VALUE_BYTES_MAX_DEFAULT,
  validateAccessPolicy,
} from '@cashe/codec';
import { GenesisRecord, NodeIdentity } from '@cashe/proto';
import type { NodeRecord, Settings, StoreGenesis } from '@cashe/store';
import { defaultSettings, type GivenSettings, type NodeOptions } from '../config/options.js';
import { policyMessage, policyOf } from '../wire/access-policy.js';
import { settingsMessage, settingsOf } from '../wire/cluster-settings.js';

/** Replicated settings that have no flag yet. */
const SESSIONS_MAX = 16_384;
const SESSION_BYTES_MAX = 64 * 1024 * 1024;
/** Far above any deadline of a call: nobody still waits for a batch of such a session. */
const SESSION_IDLE_MS = 10 * 60 * 1000;

/** What a cluster founded by a node that was started so starts with. */
export function genesisTerms(options: Pick<NodeOptions, 'settings' | 'access'>): GenesisTerms {
  return { settings: genesisSettings(options.settings), access: options.access };
}

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

/** What a cluster starts with, beside its founders; they must agree on it. */
export interface GenesisTerms {
  readonly settings: Settings;
  readonly access: AccessPolicy;
}

/** The record a new cluster starts from; random where it must be, seeded only in the simulator. */
export function newGenesisRecord(
  founders: readonly FoundNode[],
  { settings, access }: GenesisTerms,
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
    settings: settingsMessage(settings),
    hashSeed: Buffer.from(random(4)).readUInt32LE(0),
    formatVersion: FORMAT_VERSION,
    access: policyMessage(access),
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
  if (record.groupCount < 1) throw new Error('the genesis record is incomplete');
  if (record.formatVersion > FORMAT_VERSION) {
    throw new Error(
      `the cluster's log format is ${record.formatVersion}, this release knows ` +
        `${FORMAT_VERSION}: use a newer one`,
    );
  }
  const settings = settingsOf(record.settings);
  const policy = record.access === undefined ? openPolicy : policyOf(record.access);
  const problem = validateAccessPolicy(policy);
  if (problem !== undefined) throw new Error(`the genesis record's access policy: ${problem}`);
  const { clusterId, founders, groupCount, hashSeed } = record;
  return {
    clusterId,
    founders,
    groupCount,
    settings,
    bytes,
    group: (groupId) => {
      if (groupId !== 0) return { groupId, hashSeed, settings, nodes: [], access: openPolicy };
      return { groupId, hashSeed, settings, nodes: founders, access: policy };
    },
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
export function recordsOf(members: readonly Omit<NodeRecord, 'formatVersionMax'>[]): NodeRecord[] {
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
    const { flag, key } = OPTIONS[name];
    const change = `change the cluster's with 'cashe config set ${key} ${stated}'`;
    const found = `${flag} (${key}) is ${stated}, but the cluster has ${stored[name]}`;
    return `${found}: leave it out or state the same value here, or ${change}`;
  }
  return undefined;
}

const OPTIONS = {
  entriesMax: { flag: '--capacity', key: 'cache.capacity' },
  bytesMax: { flag: '--max-bytes', key: 'cache.max_bytes' },
  eviction: { flag: '--eviction', key: 'cache.eviction' },
  replicationFactor: { flag: '--replication-factor', key: 'cluster.replication_factor' },
} as const;
