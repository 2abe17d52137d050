/** What one client calls and is told: kept, checked at once, and added to the run's history. */
import { checkCall } from './call-check.js';
import { type CallRecord, type CallSpec, describe } from './call-record.js';
import type { HistoryResult } from './checker/history.js';
import { SimulationFailure } from './failure.js';
import type { World } from './world.js';

/** R31: a call settles by its deadline, within a sweep and the turn that follows. */
const SETTLE_SLACK_MS = 30;

/** What became of a call. */
export type Settled = Pick<CallRecord, 'outcome'> &
  Partial<Pick<CallRecord, 'code' | 'found' | 'readValue' | 'revision' | 'version'>>;

export class Recorder {
  readonly client: string;
  readonly records: CallRecord[] = [];
  openCalls = 0;
  readonly #world: World;
  readonly #ids: Map<CallRecord, number> = new Map();

  constructor(world: World, client: string) {
    this.#world = world;
    this.client = client;
  }

  begin(spec: CallSpec, waitMs: number): CallRecord {
    const { time, swarm, ledger, history } = this.#world;
    const name = `${this.client}.${this.records.length}`;
    const record: CallRecord = {
      ...spec,
      client: this.client,
      value: spec.kind === 'set' ? name.padEnd(swarm.valueBytes, '.') : '',
      invokedMs: time.nowMs,
      deadlineMs: time.nowMs + waitMs,
      fromIndex: ledger.index,
      settledMs: Number.POSITIVE_INFINITY,
      outcome: 'unknown',
      code: '',
      found: false,
      readValue: '',
      revision: 0,
      version: 0,
    };
    this.records.push(record);
    this.openCalls += 1;
    if (spec.kind === 'set') ledger.called(record.value);
    if (spec.ttlMs > 0) ledger.leases.called(record.value, time.nowMs);
    if (!spec.isStale) {
      const { client, key, kind } = record;
      const value = kind === 'set' ? record.value : undefined;
      this.#ids.set(record, history.begin({ client, key, kind, ms: time.nowMs, value }));
    }
    return record;
  }

  settle(record: CallRecord, settled: Settled): void {
    const { time, ledger } = this.#world;
    if (record.settledMs !== Number.POSITIVE_INFINITY) this.#fail(record, 'settled twice');
    Object.assign(record, settled);
    record.settledMs = time.nowMs;
    if (time.nowMs > record.deadlineMs + SETTLE_SLACK_MS) {
      this.#fail(record, 'settled after its deadline');
    }
    this.openCalls -= 1;
    this.#addToHistory(record);
    time.note(record.outcome.length + record.revision * 8 + (record.found ? 4 : 0));
    this.#world.trace(() => describe(record));
    try {
      checkCall(record, ledger);
    } catch (error) {
      if (!(error instanceof SimulationFailure)) throw error;
      this.#world.fail(error);
    }
  }

  #addToHistory(record: CallRecord): void {
    const id = this.#ids.get(record);
    if (id === undefined) return;
    this.#ids.delete(record);
    const outcome = record.outcome === 'committed' ? 'ok' : record.outcome;
    const result = outcome === 'ok' ? resultOf(record) : undefined;
    this.#world.history.end(id, { ms: this.#world.time.nowMs, outcome, result });
  }

  #fail(record: CallRecord, what: string): void {
    this.#world.fail(new SimulationFailure('liveness', `${describe(record)}: ${what}`));
  }
}

function resultOf({ kind, found, readValue, revision, version }: CallRecord): HistoryResult {
  const common = { revision: revision === 0 ? undefined : revision };
  switch (kind) {
    case 'set':
      return common;
    case 'delete':
      return { ...common, found };
    case 'get':
      return { ...common, value: found ? readValue : undefined, version: versionOf(version) };
    case 'has':
      return { ...common, found, version: versionOf(version) };
  }
}

function versionOf(version: number): number | undefined {
  return version === 0 ? undefined : version;
}
