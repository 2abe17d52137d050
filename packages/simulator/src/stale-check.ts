/**
 * STALE reads where they are answered (R24): all of a batch from one state, that which the node has
 * applied; never what is due there, and nothing is hidden before its TTL can have ended.
 */
import {
  Code,
  Consistency,
  decodeOps,
  deriveLimits,
  type Op,
  type ReadResult,
  type SessionRequest,
  type SessionResponse,
  VALUE_BYTES_MAX_DEFAULT,
} from '@cashe/codec';
import { SimulationFailure } from './failure.js';
import type { SimulatedNode } from './simulated-node.js';
import type { World } from './world.js';

const limits = deriveLimits(VALUE_BYTES_MAX_DEFAULT);

export class StaleCheck {
  readonly #world: World;
  readonly #node: SimulatedNode | undefined;
  /** Ops of the STALE batches that are not answered, by transmission. */
  readonly #asked: Map<number, readonly (Op | undefined)[]> = new Map();

  constructor(world: World, node: SimulatedNode | undefined) {
    this.#world = world;
    this.#node = node;
  }

  asked(request: SessionRequest): void {
    if (request.kind !== 'read' || request.consistency !== Consistency.STALE) return;
    const decoded = decodeOps(request.ops, { kind: 'read', limits });
    if (decoded.kind === 'ops') this.#asked.set(request.transmission, decoded.ops);
  }

  answered(response: SessionResponse): void {
    if (response.kind !== 'read') return;
    const ops = this.#asked.get(response.transmission);
    this.#asked.delete(response.transmission);
    const store = this.#node?.replica?.store;
    if (ops === undefined || store === undefined) return;
    for (const [at, result] of response.results.entries()) {
      const op = ops[at];
      if (op !== undefined && isAnswered(result)) this.#check(op, result, store.appliedIndex);
    }
  }

  #check({ kind, key }: Op, { found, revision, version }: ReadResult, index: number): void {
    const { ledger, time } = this.#world;
    const state = ledger.at(key, index);
    const isSame = kind === 'has' || (revision === state?.revision && version === state.version);
    if (found ? state !== undefined && isSame : state === undefined) return;
    if (!found && state !== undefined && state.expireAtMs !== 0) {
      if (index === ledger.index) ledger.leases.hidden(key, time.nowMs);
      return;
    }
    const told = `${kind} ${key} @${revision} ${found ? 'found' : 'none'}`;
    const was = state === undefined ? 'nothing' : `revision ${state.revision}`;
    const where = `${this.#node?.nodeId} at entry ${index}`;
    this.#world.fail(new SimulationFailure('safety', `stale ${told}, but ${where} holds ${was}`));
  }
}

function isAnswered({ code }: ReadResult): boolean {
  return code === Code.UNSPECIFIED || code === Code.OK;
}
