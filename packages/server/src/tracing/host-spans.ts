/** The spans of a batch inside the node that serves it: propose, sync, replicate, apply; read. */
import { Code, codeName } from '@cashe/codec';
import type { HostTracer, WriteTrace } from '../host/tracer.js';
import type { ReplicatedTraces } from './replication-spans.js';
import type { NodeSpan, Tracing } from './tracing.js';

export function hostTracer(tracing: Tracing, replicated: ReplicatedTraces): HostTracer {
  return {
    write: (group, traceparent, opCount) => {
      const attributes = { 'cashe.group': group, 'cashe.ops': opCount };
      const propose = tracing.done('propose', traceparent, attributes);
      return propose && new WriteSpans({ tracing, replicated, traceparent, group }, propose);
    },
    read: (group, traceparent, opCount) => {
      const attributes = { 'cashe.group': group, 'cashe.ops': opCount };
      const span = tracing.done('read', traceparent, attributes);
      return span && { answered: (code) => span.end(nameOf(code)) };
    },
  };
}

interface WriteContext {
  readonly tracing: Tracing;
  readonly replicated: ReplicatedTraces;
  readonly traceparent: string;
  readonly group: number;
}

class WriteSpans implements WriteTrace {
  readonly #context: WriteContext;
  readonly #acknowledged = new Set<number>();
  #index = 0;
  #propose: NodeSpan | undefined;
  #sync: NodeSpan | undefined;
  #replicate: NodeSpan | undefined;
  #apply: NodeSpan | undefined;

  constructor(context: WriteContext, propose: NodeSpan) {
    this.#context = context;
    this.#propose = propose;
  }

  appended(index: number): void {
    this.#propose?.set({ 'cashe.index': index });
    this.#propose?.end();
    this.#propose = undefined;
    this.#sync = this.#start('sync', index);
    this.#replicate = this.#start('replicate', index);
    this.#index = index;
    const { replicated, group } = this.#context;
    if (this.#replicate !== undefined) replicated.add(group, index, this.#replicate.traceparent);
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
    this.#endReplicate('OK');
    this.#apply = this.#start('apply', undefined);
  }

  /** Whatever did not come to its end is ended with the answer's code. */
  answered(code: Code): void {
    const name = nameOf(code);
    // R2: a majority may have it before the leader's own disk has.
    for (const span of [this.#propose, this.#sync, this.#apply]) span?.end(name);
    this.#propose = undefined;
    this.#sync = undefined;
    this.#apply = undefined;
    this.#endReplicate(name);
  }

  #endReplicate(code: string): void {
    if (this.#replicate === undefined) return;
    this.#replicate.end(code);
    this.#replicate = undefined;
    this.#context.replicated.delete(this.#context.group, this.#index);
  }

  #start(name: string, index: number | undefined): NodeSpan | undefined {
    const { tracing, traceparent, group } = this.#context;
    const attributes = { 'cashe.group': group };
    const known = index === undefined ? attributes : { ...attributes, 'cashe.index': index };
    return tracing.done(name, traceparent, known);
  }
}

function nameOf(code: Code): string {
  return code === Code.OK ? 'OK' : codeName(code);
}
