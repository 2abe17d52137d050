import { CodecError, decodeAccessPolicy } from '@cashe/codec';
import { StateMachineError } from '../error.js';
import { RESTORE_BYTES_PER_STEP_MAX, RESTORE_PER_STEP_MAX } from '../limits.js';
import { Store } from '../store.js';
import type { Restorer, StateMachine } from '../types.js';
import {
  type RestoredSession,
  readBatch,
  readNode,
  readRecord,
  readSession,
  SnapshotField,
} from './format.js';
import { genesisOf, readHeader, type SnapshotHeader } from './header.js';
import { MessageBuffer, type SnapshotMessage } from './message-buffer.js';

export function createRestorer(): Restorer {
  return new SnapshotRestorer();
}

class SnapshotRestorer implements Restorer {
  private readonly buffer = new MessageBuffer();
  private header: SnapshotHeader | undefined = undefined;
  private store: Store | undefined = undefined;
  /** The session whose batches follow. */
  private session: RestoredSession | undefined = undefined;

  push(bytes: Uint8Array): void {
    this.buffer.push(bytes);
  }

  step(): boolean {
    let bytes = 0;
    for (let done = 0; done < RESTORE_PER_STEP_MAX; done++) {
      if (bytes > RESTORE_BYTES_PER_STEP_MAX) return false;
      const message = this.buffer.take();
      if (message === undefined) return true;
      bytes += message.body.length;
      this.restore(message);
    }
    return false;
  }

  finish(appliedIndex: number): StateMachine {
    const { header, store } = this;
    if (header === undefined || store === undefined) throw damaged('it has no header');
    if (this.buffer.bytes > 0) throw damaged('it ends inside a message');
    this.checkBatches();
    if (header.appliedIndex !== appliedIndex) {
      throw damaged(`it was sealed at index ${header.appliedIndex}, not ${appliedIndex}`);
    }
    check('records', store.engine.entries, header.entries);
    check('sessions', store.sessions.size, header.sessions);
    check('nodes', store.nodeTable.records.length, header.nodes);
    store.finishRestore(appliedIndex);
    const { high, low } = store.digest();
    if (high !== header.digestHigh || low !== header.digestLow) {
      throw damaged('its contents do not add up to its digest');
    }
    return store;
  }

  private restore(message: SnapshotMessage): void {
    try {
      this.restoreMessage(message);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      throw new StateMachineError(error.message, { cause: error });
    }
  }

  private restoreMessage({ field, body }: SnapshotMessage): void {
    if (field === SnapshotField.header) {
      this.restoreHeader(body);
      return;
    }
    const { store } = this;
    if (store === undefined) throw damaged('it does not begin with its header');
    switch (field) {
      case SnapshotField.node:
        store.nodeTable.records = [...store.nodeTable.records, readNode(body)];
        return;
      case SnapshotField.access:
        store.accessTable.replace(decodeAccessPolicy(body), store.accessRevision());
        return;
      case SnapshotField.session:
        this.restoreSession(store, body);
        return;
      case SnapshotField.batch:
        this.restoreBatch(store, body);
        return;
      case SnapshotField.record: {
        const { record, value } = readRecord(body);
        if (!store.engine.restore(record, value)) throw damaged('a record is out of place');
        return;
      }
      default:
        throw damaged(`field ${field} is unknown`);
    }
  }

  private restoreHeader(body: Uint8Array): void {
    if (this.header !== undefined) throw damaged('it has two headers');
    const header = readHeader(body);
    const store = new Store(genesisOf(header));
    const { accessTable, engine, sessions, settingsTable } = store;
    accessTable.revision = header.accessRevision;
    settingsTable.revision = header.settingsRevision;
    engine.nowMs = header.nowMs;
    engine.revision = header.revision;
    engine.evictions = header.evictions;
    engine.expiries = header.expiries;
    engine.list.moves = header.moves;
    engine.restartAtMs = header.restartAtMs;
    engine.restartWalked = header.restartWalked;
    engine.restartBoundary = header.restartBoundary;
    sessions.list.moves = header.sessionMoves;
    this.header = header;
    this.store = store;
  }

  private restoreSession(store: Store, body: Uint8Array): void {
    this.checkBatches();
    const restored = readSession(body);
    const { session, batchCount } = restored;
    const { appliedSequence, firstOutstanding } = session;
    if (batchCount !== appliedSequence - firstOutstanding + 1) {
      throw damaged('a session does not remember what it must');
    }
    if (!store.sessions.restore(session)) throw damaged('a session is out of place');
    this.session = restored;
  }

  private restoreBatch(store: Store, body: Uint8Array): void {
    const { session, batchCount } = this.session ?? { session: undefined, batchCount: 0 };
    if (session === undefined || session.batches.length === batchCount) {
      throw damaged('a batch belongs to no session');
    }
    const { crc, answer } = readBatch(body);
    const sequence = session.firstOutstanding + session.batches.length;
    store.sessions.addBatch(session, sequence, crc, answer);
  }

  /** Every session has its batches right behind it. */
  private checkBatches(): void {
    if (this.session === undefined) return;
    const { session, batchCount } = this.session;
    check('batches of a session', session.batches.length, batchCount);
  }
}

function check(what: string, found: number, stated: number): void {
  if (found !== stated) throw damaged(`it holds ${found} ${what}, not ${stated}`);
}

function damaged(why: string): StateMachineError {
  return new StateMachineError(`snapshot: ${why}`);
}
