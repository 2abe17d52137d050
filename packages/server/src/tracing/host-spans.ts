/** The spans of a batch inside the node that serves it: propose, sync, replicate, apply; read. */
import { Code, codeName } from '@cashe/codec';
import type { HostTracer, WriteTrace } from '../host/tracer.js';
import type { NodeSpan, Tracing } from './tracing.js';

export function hostTracer(tracing: Tracing): HostTracer {
  return {
    write: (group, traceparent, opCount) => {
      const attributes = { 'cashe.group': group, 'cashe.ops': opCount };
      const propose = tracing.done('propose', traceparent, attributes);
      return propose && new WriteSpans(tracing, traceparent, group, propose);
    },
    read: (group, traceparent, opCount) => {
      const attributes = { 'cashe.group': group, 'cashe.ops': opCount };
      const span = tracing.done('read', traceparent, attributes);
      return span && { answered: (code) => span.end(nameOf(code)) };
    },
  };
}

class WriteSpans implements WriteTrace {
  readonly #tracing: Tracing;
  readonly #traceparent: string;
  readonly #group: number;
  readonly #acknowledged = new Set<number>();
  #propose: NodeSpan | undefined;
  #sync: NodeSpan | undefined;
  #replicate: NodeSpan | undefined;
  #apply: NodeSpan | undefined;

  constructor(tracing: Tracing, traceparent: string, group: number, propose: NodeSpan) {
    this.#tracing = tracing;
    this.#traceparent = traceparent;
    this.#group = group;
    this.#propose = propose;
  }

  appended(index: number): void {
    this.#propose?.set({ 'cashe.index': index });
    this.#propose?.end();
    this.#propose = undefined;
    this.#sync = this.#start('sync', index);
    this.#replicate = this.#start('replicate', index);
  }

  synced(): void {
    this.#sync?.end();
    this.#sync = undefined;
  }

  /** By replica id: a follower may acknowledge the same entry again with a later one. */
  acknowledged(replicaId: number): void {
    if (this.#acknowledged.has(replicaId)) return;
    this.#acknowledged.add(replicaId);
    this.#replicate?.event('acknowledged', { 'cashe.replica': replicaId });
  }

  committed(): void {
    this.#replicate?.end();
    this.#replicate = undefined;
    this.#apply = this.#start('apply', undefined);
  }

  /** Whatever did not come to its end is ended with the answer's code. */
  answered(code: Code): void {
    const name = nameOf(code);
    // R2: a majority may have it before the leader's own disk has.
    for (const span of [this.#propose, this.#sync, this.#replicate, this.#apply]) span?.end(name);
    this.#propose = undefined;
    this.#sync = undefined;
    this.#replicate = undefined;
    this.#apply = undefined;
  }

  #start(name: string, index: number | undefined): NodeSpan | undefined {
    const attributes = { 'cashe.group': this.#group };
    const known = index === undefined ? attributes : { ...attributes, 'cashe.index': index };
    return this.#tracing.done(name, this.#traceparent, known);
  }
}

function nameOf(code: Code): string {
  return code === Code.OK ? 'OK' : codeName(code);
}
