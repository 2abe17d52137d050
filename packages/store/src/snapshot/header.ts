import { CodecError, createReader, openPolicy } from '@cashe/codec';
import { SNAPSHOT_FORMAT_VERSION_MAX } from '../limits.js';
import type { Settings, StoreGenesis } from '../types.js';
import { SnapshotField, unknownField, type Writer } from './format.js';

/** Everything of a sealed state that is a single value. */
export interface SnapshotHeader {
  readonly formatVersion: number;
  readonly groupId: number;
  readonly hashSeed: number;
  readonly appliedIndex: number;
  readonly nowMs: number;
  readonly revision: number;
  readonly evictions: number;
  readonly expiries: number;
  /** Latest stamps of records and sessions. */
  readonly moves: number;
  readonly sessionMoves: number;
  readonly restartAtMs: number;
  readonly restartWalked: number;
  readonly restartBoundary: number;
  readonly nodes: number;
  readonly sessions: number;
  readonly entries: number;
  readonly digestHigh: number;
  readonly digestLow: number;
  readonly settingsRevision: number;
  readonly accessRevision: number;
  readonly settings: Settings;
}

type Scalar = Exclude<keyof SnapshotHeader, 'settings'>;
type NumericSetting = Exclude<keyof Settings, 'eviction'>;

/** In order of their field numbers, from 1. */
const scalars: readonly Scalar[] = [
  'formatVersion',
  'groupId',
  'hashSeed',
  'appliedIndex',
  'nowMs',
  'revision',
  'evictions',
  'expiries',
  'moves',
  'sessionMoves',
  'restartAtMs',
  'restartWalked',
  'restartBoundary',
  'nodes',
  'sessions',
  'entries',
  'digestHigh',
  'digestLow',
  'settingsRevision',
  'accessRevision',
];
const settingScalars: readonly NumericSetting[] = [
  'entriesMax',
  'bytesMax',
  'replicationFactor',
  'valueBytesMax',
  'sessionsMax',
  'sessionWindow',
  'sessionBytesMax',
  'sessionIdleMs',
];
const SETTINGS_FIELD = 30;
const NOEVICTION_FIELD = 30;

export function writeHeader(writer: Writer, header: SnapshotHeader): void {
  writer.begin(SnapshotField.header, 256);
  scalars.forEach((name, offset) => {
    writer.uint(offset + 1, header[name]);
  });
  writer.begin(SETTINGS_FIELD, 64);
  settingScalars.forEach((name, offset) => {
    writer.uint(offset + 1, header.settings[name]);
  });
  writer.bool(NOEVICTION_FIELD, header.settings.eviction === 'noeviction');
  writer.end();
  writer.end();
}

export function readHeader(body: Uint8Array): SnapshotHeader {
  const values: Record<Scalar, number> = zeros(scalars);
  const settings: Record<NumericSetting, number> = zeros(settingScalars);
  let eviction: Settings['eviction'] = 'lru';
  const reader = createReader(body);
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag !== SETTINGS_FIELD * 8 + 2) {
      values[fieldOf(scalars, tag)] = reader.uint();
      checkFormat(values.formatVersion);
      continue;
    }
    const outer = reader.enter();
    for (let inner = reader.next(); inner !== 0; inner = reader.next()) {
      if (inner === NOEVICTION_FIELD * 8) eviction = reader.bool() ? 'noeviction' : 'lru';
      else settings[fieldOf(settingScalars, inner)] = reader.uint();
    }
    reader.leave(outer);
  }
  checkFormat(values.formatVersion);
  return { ...values, settings: { ...settings, eviction } };
}

/** The genesis a restored group goes on from; its nodes and policy follow in the snapshot. */
export function genesisOf(header: SnapshotHeader): StoreGenesis {
  const { groupId, hashSeed, settings } = header;
  return { groupId, hashSeed, settings, nodes: [], access: openPolicy };
}

/** The version is the first field: nothing is read of a format that is not known (R11). */
function checkFormat(version: number): void {
  if (version < 1 || version > SNAPSHOT_FORMAT_VERSION_MAX) {
    throw new CodecError(`snapshot format ${version} is not one this release reads`);
  }
}

function fieldOf<Name extends string>(names: readonly Name[], tag: number): Name {
  const name = (tag & 7) === 0 ? names[(tag >>> 3) - 1] : undefined;
  if (name === undefined) throw unknownField('header', tag);
  return name;
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  const record: Partial<Record<Name, number>> = {};
  for (const name of names) record[name] = 0;
  return record as Record<Name, number>;
}
