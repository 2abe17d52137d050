/** A client: the real SDK core over simulated links, and callers that use it at random. */
import {
  type Caller,
  type CasheError,
  type Core,
  coreDefaults,
  createCore,
} from '@cashe/client/core';
import { type Op, opFor, type ReadResult } from '@cashe/codec';
import type { CallRecord, CallSpec } from './call-record.js';
import { Recorder, type Settled } from './recorder.js';
import { simConnector } from './session-link.js';
import type { Timer } from './virtual-time.js';
import { Workload } from './workload.js';
import type { World } from './world.js';

/** One pass of a client's event loop. */
const LOOP_MS = 0.01;

/** What a run asks of every client, whatever it speaks. */
export interface RunClient {
  readonly name: string;
  readonly openCalls: number;
  readonly records: readonly CallRecord[];
  startWorkload(): void;
  stopWorkload(): void;
}

export class SimClient implements RunClient {
  readonly name: string;
  readonly core: Core;
  readonly #world: World;
  readonly #recorder: Recorder;
  readonly #workload: Workload;

  constructor(world: World, name: string, endpoints: readonly string[], linksMax: number) {
    this.#world = world;
    this.name = name;
    this.#recorder = new Recorder(world, name);
    this.#workload = new Workload(world, this);
    const { time } = world;
    const random = world.random.fork();
    this.core = createCore(
      {
        clock: { nowMs: () => time.nowMs },
        scheduler: {
          defer: (run) => void time.after(LOOP_MS, run),
          schedule: (delayMs, run) => time.after(delayMs, run),
          cancel: (timer) => (timer as Timer).cancel(),
        },
        random: { bytes8: () => random.bytes(8), fraction: () => random.fraction() },
        connector: simConnector(world, name),
      },
      { ...coreDefaults, endpoints, linksMax, clientName: name },
    );
  }

  get openCalls(): number {
    return this.#recorder.openCalls;
  }

  get records(): readonly CallRecord[] {
    return this.#recorder.records;
  }

  startWorkload(): void {
    this.#workload.start(this.#world.swarm.callersPerClient);
  }

  stopWorkload(): void {
    this.#workload.stop();
  }

  /** One call for one or more keys; `onDone` once all of them are settled. */
  call(
    specs: readonly CallSpec[],
    waitMs: number,
    onDone: (records: readonly CallRecord[]) => void,
  ): void {
    const caller = new RecordingCaller(this.#recorder, specs, waitMs, onDone);
    for (const [index, record] of caller.records.entries()) {
      this.core.submit(caller, opOf(record), index);
    }
  }
}

/** Several ops of one kind, each with an outcome of its own: no call is atomic (R13). */
export class RecordingCaller implements Caller {
  readonly records: readonly CallRecord[];
  readonly deadlineMs: number;
  readonly isStale: boolean;
  readonly #recorder: Recorder;
  readonly #onDone: (records: readonly CallRecord[]) => void;
  #open: number;

  constructor(
    recorder: Recorder,
    specs: readonly CallSpec[],
    waitMs: number,
    onDone: (records: readonly CallRecord[]) => void,
  ) {
    this.#recorder = recorder;
    this.#onDone = onDone;
    this.records = specs.map((spec) => recorder.begin(spec, waitMs));
    this.#open = specs.length;
    this.deadlineMs = this.records[0]?.deadlineMs ?? 0;
    this.isStale = specs[0]?.isStale === true;
  }

  onWritten(index: number, revision: number, found: boolean): void {
    this.settle(index, { outcome: 'committed', revision, found });
  }

  onRead(index: number, { found, value, revision, version }: ReadResult): void {
    const readValue = new TextDecoder().decode(value);
    this.settle(index, { outcome: 'committed', found, readValue, revision, version });
  }

  onFailed(index: number, { outcome, code, message }: CasheError): void {
    this.settle(index, { outcome, code, readValue: message });
  }

  settle(index: number, settled: Settled): void {
    const record = this.records[index];
    if (record === undefined) return;
    this.#recorder.settle(record, settled);
    this.#open -= 1;
    if (this.#open === 0) this.#onDone(this.records);
  }
}

export function opOf({ kind, key, value, ttlMs, keepTtl }: CallRecord): Op {
  switch (kind) {
    case 'set':
      return opFor.set(key, new TextEncoder().encode(value), ttlMs, keepTtl);
    case 'delete':
      return opFor.delete(key);
    case 'get':
      return opFor.get(key);
    case 'has':
      return opFor.has(key);
  }
}
