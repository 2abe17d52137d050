/**
 * A client that speaks the Session protocol itself and does what the SDK never does (R14): two
 * clones write under one number, answered batches come again, numbers skip ahead, everything goes
 * to several nodes at once. Whatever it does, each batch takes effect at most once, and of two
 * under one number only one.
 */
import type { Link } from '@cashe/client/core';
import { Code, OpsEncoder, type SessionResponse, type WriteAnswer } from '@cashe/codec';
import type { CallRecord } from './call-record.js';
import { opOf, type RunClient } from './client.js';
import type { SeededRandom } from './random.js';
import { Recorder } from './recorder.js';
import { RogueBatch } from './rogue-batch.js';
import { simConnector } from './session-link.js';
import type { World } from './world.js';

/** Batches that are remembered to be sent again. */
const KEPT_BATCHES = 16;
const OPEN_WAIT_MS = 1_000;
const KEYS_MAX = 3;

export class RogueClient implements RunClient {
  readonly name: string;
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #recorder: Recorder;
  readonly #links: Map<string, Link> = new Map();
  readonly #sent: Map<number, RogueBatch> = new Map();
  #kept: RogueBatch[] = [];
  #session = 0;
  #lastSequence = 0;
  #transmission = 0;
  /** Transmission of the OpenSession that is not answered; 0: none. */
  #opening = 0;
  #isStopped = false;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    this.#random = world.random.fork();
    this.#recorder = new Recorder(world, name);
  }

  get openCalls(): number {
    return this.#recorder.openCalls;
  }

  get records(): readonly CallRecord[] {
    return this.#recorder.records;
  }

  startWorkload(): void {
    const { time, swarm } = this.#world;
    time.after(this.#random.between(0, 4 * swarm.thinkMs), () => {
      if (this.#isStopped) return;
      this.#misbehave();
      this.startWorkload();
    });
  }

  stopWorkload(): void {
    this.#isStopped = true;
  }

  #misbehave(): void {
    if (this.#session === 0 || this.#random.chance(0.01)) {
      this.#open();
      return;
    }
    const old = this.#kept.length > 0 ? this.#random.pick(this.#kept) : undefined;
    const choice = this.#random.fraction();
    if (old !== undefined && choice < 0.3) {
      // Not what was reported as not committed: its caller may have repeated it by then.
      if (old.mayBeSentAgain) this.#transmit(old);
    } else if (old !== undefined && choice < 0.5) {
      this.#write(old.sequence);
    } else {
      this.#lastSequence += this.#random.chance(0.03) ? 2 : 1;
      this.#write(this.#lastSequence);
    }
  }

  #open(): void {
    // What is under way in it, and what is sent again, finds no session any more.
    if (this.#session !== 0 && this.#random.chance(0.5)) {
      this.#transmission += 1;
      const close = { kind: 'close', group: 0, session: this.#session } as const;
      this.#link().send({ ...close, transmission: this.#transmission });
    }
    this.#session = 0;
    this.#lastSequence = 0;
    this.#kept = [];
    this.#transmission += 1;
    this.#opening = this.#transmission;
    this.#link().send({
      kind: 'open',
      transmission: this.#transmission,
      group: 0,
      remainingMs: OPEN_WAIT_MS,
    });
  }

  #write(sequence: number): void {
    const { swarm, time } = this.#world;
    const waitMs = this.#random.between(swarm.deadlineMinMs, swarm.deadlineMaxMs);
    const keys = new Set(
      Array.from({ length: 1 + this.#random.below(KEYS_MAX) }, () => {
        return `k${this.#random.below(swarm.keyCount)}`;
      }),
    );
    const spec = { kind: 'set', ttlMs: 0, keepTtl: false, isStale: false } as const;
    const records = [...keys].map((key) => this.#recorder.begin({ ...spec, key }, waitMs));
    const encoder = new OpsEncoder();
    for (const record of records) encoder.add(opOf(record));
    const ops = encoder.finish(this.#random.bytes(8));
    const batch = new RogueBatch(this.#recorder, records, { sequence, ops, waitMs });
    this.#kept = [...this.#kept.slice(1 - KEPT_BATCHES), batch];
    time.after(waitMs, () => batch.giveUp());
    this.#transmit(batch);
    if (this.#random.chance(0.3)) this.#transmit(batch);
  }

  #transmit(batch: RogueBatch): void {
    this.#transmission += 1;
    batch.transmitted();
    this.#sent.set(this.#transmission, batch);
    const settled = this.#kept.findIndex(({ isSettled }) => !isSettled);
    const firstOpen = this.#kept[settled]?.sequence ?? batch.sequence;
    this.#link().send({
      kind: 'write',
      transmission: this.#transmission,
      group: 0,
      session: this.#session,
      sequence: batch.sequence,
      firstOutstanding: Math.max(1, Math.min(firstOpen, batch.sequence)),
      remainingMs: Math.floor(batch.waitMs),
      ops: batch.ops,
    });
  }

  /** To any node: who does not lead forwards it (R30). */
  #link(): Link {
    const { nodeId } = this.#random.pick(this.#world.nodes);
    const known = this.#links.get(nodeId);
    if (known !== undefined) return known;
    const link = simConnector(this.#world, this.name).connect(`${nodeId}:3000`, {
      onMessage: (response) => this.#onMessage(response),
      onDrain: () => undefined,
      onTopology: () => undefined,
      onClosed: () => this.#links.delete(nodeId),
    });
    this.#links.set(nodeId, link);
    const hello = { kind: 'hello', protocolVersions: [1], clusterId: '' } as const;
    link.send({ ...hello, clientName: this.name });
    return link;
  }

  #onMessage(response: SessionResponse): void {
    if (response.kind === 'session' && response.transmission === this.#opening) {
      this.#opening = 0;
      if (response.code === Code.OK) this.#session = response.session;
    }
    if (response.kind === 'write') this.#onAnswer(response);
  }

  #onAnswer(answer: WriteAnswer): void {
    const batch = this.#sent.get(answer.transmission);
    this.#sent.delete(answer.transmission);
    batch?.answered(answer);
    if (answer.code === Code.SESSION_UNKNOWN) this.#session = 0;
  }
}
