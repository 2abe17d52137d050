// The Session protocol by hand (R14): one session, any number of links, numbers as the test says.
import type { Link } from '@cashe/client/core';
import {
  Code,
  type Op,
  OpsEncoder,
  type SessionAnswer,
  type SessionResponse,
  type WriteAnswer,
} from '@cashe/codec';
import { simConnector } from '../../src/session-link.js';
import type { SimNode } from '../../src/sim-node.js';
import type { World } from '../../src/world.js';

interface RawBatch {
  readonly sequence: number;
  readonly ops: Uint8Array;
  readonly firstOutstanding?: number;
  readonly session?: number;
  readonly group?: number;
}

type Answer = WriteAnswer | SessionAnswer;

export class RawSession {
  id = 0;
  readonly #world: World;
  readonly #name: string;
  readonly #links: Map<string, Link> = new Map();
  readonly #waiting: Map<number, (answer: Answer) => void> = new Map();
  #transmission = 0;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
  }

  open(node: SimNode, done: () => void): void {
    this.#transmission += 1;
    this.#waiting.set(this.#transmission, (answer) => {
      if (answer.kind !== 'session' || answer.code !== Code.OK) throw new Error(answer.message);
      this.id = answer.session;
      done();
    });
    const open = { kind: 'open', group: 0, remainingMs: 3_000 } as const;
    this.#link(node).send({ ...open, transmission: this.#transmission });
  }

  write(node: SimNode, batch: RawBatch, done: (answer: WriteAnswer) => void): void {
    this.#transmission += 1;
    this.#waiting.set(this.#transmission, (answer) => {
      if (answer.kind === 'write') done(answer);
    });
    const defaults = { group: 0, session: this.id, firstOutstanding: 1, remainingMs: 3_000 };
    const { transmission } = { transmission: this.#transmission };
    this.#link(node).send({ kind: 'write', ...defaults, ...batch, transmission });
  }

  #link(node: SimNode): Link {
    const known = this.#links.get(node.nodeId);
    if (known !== undefined) return known;
    const link = simConnector(this.#world, this.#name).connect(node.clientAddress, {
      onMessage: (response) => this.#onMessage(response),
      onDrain: () => undefined,
      onTopology: () => undefined,
      onClosed: () => this.#links.delete(node.nodeId),
    });
    this.#links.set(node.nodeId, link);
    const hello = { kind: 'hello', protocolVersions: [1], clusterId: '' } as const;
    link.send({ ...hello, clientName: this.#name });
    return link;
  }

  #onMessage(response: SessionResponse): void {
    if (response.kind !== 'write' && response.kind !== 'session') return;
    const done = this.#waiting.get(response.transmission);
    this.#waiting.delete(response.transmission);
    done?.(response);
  }
}

/** The bytes of a batch; `tag` tells it from any other. */
export function batchOf(tag: number, ...ops: readonly Op[]): Uint8Array {
  const encoder = new OpsEncoder();
  for (const op of ops) encoder.add(op);
  return encoder.finish(new Uint8Array(8).fill(tag));
}
