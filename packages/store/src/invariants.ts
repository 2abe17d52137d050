/**
 * The running values against a recount (R10, R12). Costs a pass over everything: for tests and the
 * simulator.
 */
import { SESSION_WINDOW_MAX } from '@cashe/codec';
import { DigestSum } from './digest-sum.js';
import type { Engine } from './engine/engine.js';
import type { CacheRecord, ValuePage } from './engine/record.js';
import { storedValue } from './engine/value-pages.js';
import { StateMachineError } from './error.js';
import { Hash64 } from './hash.js';
import { SESSIONS_MAX_LIMIT } from './limits.js';
import { recordBytes } from './record-bytes.js';
import type { Linked, SealableList } from './sealable-list.js';
import { answerBytes, SESSION_OVERHEAD_BYTES } from './sessions/answer-bytes.js';
import type { Session } from './sessions/session.js';
import type { SessionTable } from './sessions/session-table.js';
import { Store } from './store.js';
import type { Settings, StateMachine } from './types.js';

/** Throws a StateMachineError that names the first invariant that does not hold. */
export function checkInvariants(machine: StateMachine): void {
  if (!(machine instanceof Store))
    throw new StateMachineError('not a state machine of this package');
  const settings = machine.settings();
  // A limit that was lowered is reached later; what is in between follows from no rule of its own.
  const isAsFounded = machine.settingsRevision() === 1;
  checkRecords(machine.engine, machine.genesis.hashSeed);
  const isKept = settings.eviction === 'lru' && !machine.engine.isShrinking;
  if (isAsFounded || isKept) checkLimits(machine.engine, settings);
  checkSessions(machine.sessions, isAsFounded ? settings : undefined);
  const { nodeId, nodeUid } = { nodeId: new Set<string>(), nodeUid: new Set<string>() };
  for (const node of machine.nodes()) {
    nodeId.add(node.nodeId);
    nodeUid.add(node.nodeUid);
  }
  equal('distinct node ids', nodeId.size, machine.nodes().length);
  equal('distinct node uids', nodeUid.size, machine.nodes().length);
}

function checkRecords(engine: Engine, hashSeed: number): void {
  const live = liveOf(engine.list);
  const sum = new DigestSum();
  const pages = new Map<ValuePage, number>();
  let bytes = 0;
  let leases = 0;
  for (const record of live) {
    checkRecord(engine, record, hashSeed);
    sum.add(engine.digestOf(record));
    bytes += recordBytes(record.keyBytes, record.valueBytes);
    if (engine.heap.has(record)) leases++;
    const { page } = record;
    if (page !== undefined) pages.set(page, (pages.get(page) ?? 0) + record.valueBytes);
  }
  for (const [page, live] of pages) equal('live bytes of a page', page.live, live);
  equal('entries', engine.entries, live.length);
  equal('bytes', engine.bytes, bytes);
  equal('records in the heap', engine.heap.size, leases);
  holds('the heap is ordered', engine.heap.isOrdered());
  holds('the digest is the sum of the records', sum.equals(engine.sum));
}

function checkLimits({ bytes, entries }: Engine, settings: Settings): void {
  const { bytesMax, entriesMax } = settings;
  holds('bytesMax is kept', bytes <= bytesMax);
  holds('entriesMax is kept', entriesMax === 0 || entries <= entriesMax);
}

function checkRecord(engine: Engine, record: CacheRecord, hashSeed: number): void {
  const { key, revision, stamp, version, expireAtMs } = record;
  holds(`the index has ${key}`, engine.index.get(key) === record);
  holds(`${key} has a version`, version >= 1 && version <= revision);
  holds(`${key} has a revision of the past`, revision <= engine.revision);
  holds(`${key} has a lease exactly if it expires`, (expireAtMs === 0) === (record.ttlMs === 0));
  const hash = new Hash64();
  hash.start(hashSeed);
  hash.text(key);
  hash.bytes(storedValue(record));
  equal(`hash of ${key}`, record.contentHigh, hash.high);
  equal(`hash of ${key}`, record.contentLow, hash.low);
  const waits = stamp > engine.restartWalked && stamp <= engine.restartBoundary;
  const belongsInHeap = expireAtMs !== 0 && !waits;
  holds(`${key} is in the heap if its lease counts`, engine.heap.has(record) === belongsInHeap);
}

/** `settings`: undefined when the table may still be above what they are now. */
function checkSessions(table: SessionTable, settings: Settings | undefined): void {
  const live = liveOf(table.list);
  const sum = new DigestSum();
  let bytes = 0;
  let lastUsedMs = 0;
  for (const session of live) {
    holds('sessions are in order of last use', session.lastUsedMs >= lastUsedMs);
    lastUsedMs = session.lastUsedMs;
    sum.add(table.digestOf(session));
    for (const { digestHigh, digestLow } of session.batches) {
      sum.add({ high: digestHigh, low: digestLow });
    }
    bytes += checkSession(table, session, settings?.sessionWindow ?? SESSION_WINDOW_MAX);
  }
  equal('sessions', table.size, live.length);
  equal('session bytes', table.bytes, bytes);
  holds('the digest is the sum of the sessions', sum.equals(table.sum));
  const sessionsMax = settings?.sessionsMax ?? SESSIONS_MAX_LIMIT;
  holds('sessionsMax is kept', live.length <= sessionsMax);
}

/** Logical bytes of the session. */
function checkSession(table: SessionTable, session: Session, windowMax: number): number {
  const { appliedSequence, batches, firstOutstanding, id } = session;
  holds(`the table has session ${id}`, table.get(id) === session);
  equal(`batches of session ${id}`, batches.length, appliedSequence - firstOutstanding + 1);
  holds(`session ${id} keeps its window`, batches.length <= windowMax);
  let bytes = SESSION_OVERHEAD_BYTES + session.ownerBytes;
  for (const batch of batches) {
    equal(`answer bytes of session ${id}`, batch.bytes, answerBytes(batch.answer));
    bytes += batch.bytes;
  }
  return bytes;
}

/** The live nodes from cold to hot, with the order of all of them checked. */
function liveOf<N extends Linked<N>>(list: SealableList<N>): N[] {
  const live: N[] = [];
  let ghosts = 0;
  let before: N | undefined;
  for (let node = list.first(); node !== undefined; node = node.next) {
    holds('links go both ways', node.prev === before);
    if (before !== undefined) {
      const isClone = before.ghostOf !== 0 && node.stamp === before.stamp;
      holds('stamps grow', node.stamp > before.stamp || isClone);
    }
    if (node.ghostOf === 0) live.push(node);
    else ghosts++;
    before = node;
  }
  equal('ghosts', list.ghostCount, ghosts);
  holds('stamps are of the past', before === undefined || before.stamp <= list.moves);
  holds('the coldest is the first live node', list.coldest() === live[0]);
  return live;
}

function holds(what: string, is: boolean): void {
  if (!is) throw new StateMachineError(`invariant: ${what}`);
}

function equal(what: string, found: number, expected: number): void {
  if (found !== expected) {
    throw new StateMachineError(`invariant: ${what}: ${found}, recounted ${expected}`);
  }
}
