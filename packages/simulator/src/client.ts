/** A client: the real SDK core over simulated links, and callers that use it at random. */
import {
  type Caller,
  type CasheError,
  type Core,
  coreDefaults,
  createCore,
} from '@cashe/client/core';
import { type Op, opFor, type ReadResult } from '@cashe/codec';
import type { CallKind, CallRecord } from './call-record.js';
import type { HistoryResult } from './checker/history.js';
import { SimulationFailure } from './failure.js';
import type { SeededRandom } from './random.js';
import { simConnector } from './session-link.js';
import type { Timer } from './virtual-time.js';
import type { World } from './world.js';

/** R31: a call settles by its deadline, within a sweep and the turn that follows. */
const SETTLE_SLACK_MS = 30;

export class SimClient {
  readonly name: string;
  readonly core: Core;
  readonly records: CallRecord[] = [];
  openCalls = 0;
  readonly #world: World;
  readonly #random: SeededRandom;
  #isStopped = false;

  constructor(world: World, name: string, endpoints: readonly string[], linksMax: number) {
    this.#world = world;
    this.name = name;
    this.#random = world.random.fork();
    const { time } = world;
    const random = this.#random.fork();
    this.core = createCore(
      {
        clock: { nowMs: () => time.nowMs },
        scheduler: {
          defer: (run) => void time.after(0.01, run),
          schedule: (delayMs, run) => time.after(delayMs, run),
          cancel: (timer) => (timer as Timer).cancel(),
        },
        random: { bytes8: () => random.bytes(8), fraction: () => random.fraction() },
        connector: simConnector(world, name),
      },
      { ...coreDefaults, endpoints, linksMax, clientName: name },
    );
  }

  startWorkload(): void {
    for (let caller = 0; caller < this.#world.swarm.callersPerClient; caller += 1) this.#think();
  }

  stopWorkload(): void {
    this.#isStopped = true;
  }

  #think(): void {
    const { time, swarm } = this.#world;
    time.after(this.#random.between(0, 2 * swarm.thinkMs), () => {
      if (this.#isStopped) return;
      const key = `k${this.#random.below(swarm.keyCount)}`;
      const { deadlineMinMs, deadlineMaxMs } = swarm;
      const waitMs = this.#random.between(deadlineMinMs, deadlineMaxMs);
      this.call(this.#kind(), key, waitMs, () => this.#think());
    });
  }

  #kind(): CallKind {
    if (this.#random.chance(this.#world.swarm.writes)) {
      return this.#random.chance(0.8) ? 'set' : 'delete';
    }
    return this.#random.chance(0.9) ? 'get' : 'has';
  }

  /** One op; `onDone` once it is settled. */
  call(kind: CallKind, key: string, waitMs: number, onDone: (record: CallRecord) => void): void {
    const { time, swarm } = this.#world;
    const name = `${this.name}.${this.records.length}`;
    const value = kind === 'set' ? name.padEnd(swarm.valueBytes, '.') : '';
    const record: CallRecord = {
      client: this.name,
      kind,
      key,
      value,
      invokedMs: time.nowMs,
      settledMs: Number.POSITIVE_INFINITY,
      outcome: 'unknown',
      found: false,
      readValue: '',
      revision: 0,
      version: 0,
    };
    this.records.push(record);
    const id = this.#world.history.begin({
      client: this.name,
      key,
      kind,
      ms: time.nowMs,
      value: kind === 'set' ? value : undefined,
    });
    this.openCalls += 1;
    const deadlineMs = time.nowMs + waitMs;
    const settle = (): void => {
      const outcome = record.outcome === 'committed' ? 'ok' : record.outcome;
      const result = outcome === 'ok' ? resultOf(record) : undefined;
      this.#world.history.end(id, { ms: time.nowMs, outcome, result });
      this.#settle(record, deadlineMs, onDone);
    };
    this.core.submit(callerOf(record, deadlineMs, settle), opOf(record), 0);
  }

  #settle(record: CallRecord, deadlineMs: number, onDone: (record: CallRecord) => void): void {
    const { time } = this.#world;
    if (record.settledMs !== Number.POSITIVE_INFINITY) this.#fail(record, 'settled twice');
    record.settledMs = time.nowMs;
    if (time.nowMs > deadlineMs + SETTLE_SLACK_MS) this.#fail(record, 'settled after its deadline');
    this.openCalls -= 1;
    time.note(record.outcome.length + record.revision * 8 + (record.found ? 4 : 0));
    this.#world.trace(() => describe(record));
    onDone(record);
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

function opOf({ kind, key, value }: CallRecord): Op {
  switch (kind) {
    case 'set':
      return opFor.set(key, new TextEncoder().encode(value));
    case 'delete':
      return opFor.delete(key);
    case 'get':
      return opFor.get(key);
    case 'has':
      return opFor.has(key);
  }
}

function callerOf(record: CallRecord, deadlineMs: number, settle: () => void): Caller {
  return {
    deadlineMs,
    isStale: false,
    onWritten: (_index: number, revision: number, found: boolean): void => {
      Object.assign(record, { outcome: 'committed', revision, found });
      settle();
    },
    onRead: (_index: number, { found, value, revision, version }: ReadResult): void => {
      const readValue = new TextDecoder().decode(value);
      Object.assign(record, { outcome: 'committed', found, readValue, revision, version });
      settle();
    },
    onFailed: (_index: number, error: CasheError): void => {
      const { outcome, message } = error;
      Object.assign(record, { outcome, readValue: message });
      settle();
    },
  };
}

export function describe(record: CallRecord): string {
  const { client, kind, key, value, outcome, found, readValue, revision, invokedMs } = record;
  const what = value === '' ? key : `${key}=${value.replace(/\.+$/, '')}`;
  const seen = `${found ? 'found' : 'none'} ${readValue.replace(/\.+$/, '')} @${revision}`;
  return `${client} ${kind} ${what} (from ${invokedMs.toFixed(2)}): ${outcome} ${seen}`;
}
