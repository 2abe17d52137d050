import { type AccessPolicy, createWriter } from '@cashe/codec';
import type { Hashed } from '../digest-sum.js';
import type { Engine } from '../engine/engine.js';
import { SNAPSHOT_FORMAT_VERSION_MAX } from '../limits.js';
import type { RememberedBatch } from '../sessions/session.js';
import type { SessionTable } from '../sessions/session-table.js';
import type { NodeRecord, Settings, StoreGenesis } from '../types.js';
import {
  type Writer,
  writeAccess,
  writeBatch,
  writeNode,
  writeRecord,
  writeSession,
} from './format.js';
import { type SnapshotHeader, writeHeader } from './header.js';

const FRAMING_BYTES = 4096;

/** The state machine as a seal sees it; engine and sessions are sealed already. */
interface SealSource {
  readonly genesis: StoreGenesis;
  readonly appliedIndex: number;
  readonly engine: Engine;
  readonly sessions: SessionTable;
  nodes(): readonly NodeRecord[];
  settings(): Settings;
  settingsRevision(): number;
  access(): AccessPolicy;
  accessRevision(): number;
  sum(): Hashed;
}

/** Writes out a sealed state piece by piece. Created at the seal, when it costs O(1). */
export class SealedScan {
  private readonly header: SnapshotHeader;
  private readonly nodes: readonly NodeRecord[];
  private readonly access: AccessPolicy;
  private readonly sessions: SessionTable;
  private readonly engine: Engine;
  private started = false;
  private sessionsDone = false;
  /** What is left of the session being written; a list of its own, since sessions change. */
  private batches: readonly RememberedBatch[] = [];
  private batchOffset = 0;

  constructor(source: SealSource) {
    this.engine = source.engine;
    this.sessions = source.sessions;
    this.nodes = source.nodes();
    this.access = source.access();
    this.header = headerOf(source);
  }

  /** About `bytesMax` bytes, more only by the last message; undefined when all is written. */
  next(bytesMax: number): Uint8Array | undefined {
    const writer = createWriter(bytesMax + FRAMING_BYTES);
    if (!this.started) {
      this.started = true;
      writeHeader(writer, this.header);
      writeAccess(writer, this.access);
      for (const node of this.nodes) writeNode(writer, node);
    }
    while (!this.sessionsDone && writer.length < bytesMax) this.writeNextSession(writer);
    while (writer.length < bytesMax) {
      const record = this.engine.nextSealed();
      if (record === undefined) break;
      writeRecord(writer, record);
    }
    return writer.length === 0 ? undefined : writer.finish();
  }

  private writeNextSession(writer: Writer): void {
    const batch = this.batches[this.batchOffset];
    if (batch !== undefined) {
      this.batchOffset++;
      writeBatch(writer, batch);
      return;
    }
    const session = this.sessions.list.nextSealed();
    if (session === undefined) {
      this.sessionsDone = true;
      return;
    }
    writeSession(writer, session);
    this.batches = session.batches.slice();
    this.batchOffset = 0;
  }
}

function headerOf(source: SealSource): SnapshotHeader {
  const { engine, genesis, sessions } = source;
  const { high, low } = source.sum();
  return {
    formatVersion: SNAPSHOT_FORMAT_VERSION_MAX,
    groupId: genesis.groupId,
    hashSeed: genesis.hashSeed,
    appliedIndex: source.appliedIndex,
    nowMs: engine.nowMs,
    revision: engine.revision,
    evictions: engine.evictions,
    expiries: engine.expiries,
    moves: engine.list.moves,
    sessionMoves: sessions.list.moves,
    restartAtMs: engine.restartAtMs,
    restartWalked: engine.restartWalked,
    restartBoundary: engine.restartBoundary,
    nodes: source.nodes().length,
    sessions: sessions.size,
    entries: engine.entries,
    digestHigh: high >>> 0,
    digestLow: low >>> 0,
    settingsRevision: source.settingsRevision(),
    accessRevision: source.accessRevision(),
    settings: source.settings(),
  };
}
