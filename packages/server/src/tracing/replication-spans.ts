/**
 * Replication of sampled entries as the followers see it. The trace context travels beside the
 * entries of a message, never inside: logs are the same with and without tracing.
 */
import type { LogIndex } from '@cashe/raft';
import type { EntryTrace, PeerMessage } from '../host/ports.js';
import type { NodeSpan, Tracing } from './tracing.js';

/** Entries of this leader that are sampled and not committed yet; as many as the host follows. */
export class ReplicatedTraces {
  readonly #byGroup = new Map<number, Map<LogIndex, string>>();

  add(group: number, index: LogIndex, traceparent: string): void {
    const traces = this.#byGroup.get(group) ?? new Map<LogIndex, string>();
    traces.set(index, traceparent);
    this.#byGroup.set(group, traces);
  }

  delete(group: number, index: LogIndex): void {
    const traces = this.#byGroup.get(group);
    traces?.delete(index);
    if (traces?.size === 0) this.#byGroup.delete(group);
  }

  /** The message as it leaves: with the contexts of those of its entries that are sampled. */
  beside(group: number, message: PeerMessage): PeerMessage {
    if (this.#byGroup.size === 0 || message.kind !== 'appendEntriesRequest') return message;
    const open = this.#byGroup.get(group);
    if (open === undefined) return message;
    const traces: EntryTrace[] = [];
    for (const { index } of message.entries) {
      const traceparent = open.get(index);
      if (traceparent !== undefined) traces.push({ index, traceparent });
    }
    return traces.length === 0 ? message : { ...message, traces };
  }
}

interface Open {
  readonly group: number;
  readonly index: LogIndex;
  readonly traceparent: string;
  readonly span: NodeSpan;
}

/** Entries being made durable here; the oldest one is given up for one more. */
const openMax = 1024;

/** On a follower: from receiving an entry to the answer that says it is durable here. */
export class AppendSpans {
  readonly #tracing: Tracing;
  readonly #open = new Map<string, Open>();

  constructor(tracing: Tracing) {
    this.#tracing = tracing;
  }

  received(group: number, message: PeerMessage): void {
    if (message.kind !== 'appendEntriesRequest' || !('traces' in message)) return;
    for (const { index, traceparent } of message.traces) this.#start(group, index, traceparent);
  }

  answered(group: number, message: PeerMessage): void {
    if (this.#open.size === 0 || message.kind !== 'appendEntriesResponse') return;
    if (!message.success) return;
    for (const [key, open] of this.#open) {
      if (open.group !== group || open.index > message.matchIndex) continue;
      this.#open.delete(key);
      open.span.end();
    }
  }

  /** What is sent again is one entry; what another leader puts there is another. */
  #start(group: number, index: LogIndex, traceparent: string): void {
    const key = `${group}/${index}`;
    const before = this.#open.get(key);
    if (before?.traceparent === traceparent) return;
    const attributes = { 'cashe.group': group, 'cashe.index': index };
    const span = this.#tracing.received('append', traceparent, attributes);
    this.#giveUp(key);
    if (span === undefined) return;
    const [oldest] = this.#open.keys();
    if (oldest !== undefined && this.#open.size >= openMax) this.#giveUp(oldest);
    this.#open.set(key, { group, index, traceparent, span });
  }

  #giveUp(key: string): void {
    this.#open.get(key)?.span.end('ABORTED');
    this.#open.delete(key);
  }
}
