/**
 * What nodes say to each other, with spans: forwarded calls (R30) have one on the node that sends
 * and one on the leader, sampled entries one on each follower.
 */
import { Code, codeName, type ReadBatch, type WriteBatch } from '@cashe/codec';
import type { ForwardedAnswer, ForwardedCall, Transport } from '../host/ports.js';
import type { AppendSpans, ReplicatedTraces } from './replication-spans.js';
import type { Tracing } from './tracing.js';

type BatchCall = Extract<ForwardedCall, { readonly kind: 'write' | 'read' }>;
type Done = (answer: ForwardedAnswer | undefined) => void;

interface Spans {
  readonly tracing: Tracing;
  readonly replicated: ReplicatedTraces;
  readonly appends: AppendSpans;
}

/** The same transport, which sees what is sampled. */
export function tracedTransport(transport: Transport, spans: Spans): Transport {
  const { tracing, replicated, appends } = spans;
  return {
    setPeers: (peers) => transport.setPeers(peers),
    send: (group, message) => {
      appends.answered(group, message);
      transport.send(group, replicated.beside(group, message));
    },
    flush: () => transport.flush(),
    sendSnapshot: (group, message, source, done) =>
      transport.sendSnapshot(group, message, source, done),
    forward: (to, call, done) => {
      const traced = traceparentOf(call);
      const span = tracing.sent('forward', traced, { 'cashe.replica': to });
      if (span === undefined) transport.forward(to, call, done);
      else transport.forward(to, within(call, span.traceparent), ending(span, done));
    },
    close: () => transport.close(),
  };
}

/** Calls `serve` with the call, inside the span of its receipt. */
export function tracedForwarded(
  tracing: Tracing,
  call: ForwardedCall,
  answer: (answer: ForwardedAnswer) => void,
  serve: (call: ForwardedCall, answer: (answer: ForwardedAnswer) => void) => void,
): void {
  const span = tracing.received(`forwarded.${call.kind}`, traceparentOf(call), {});
  if (span === undefined) {
    serve(call, answer);
    return;
  }
  serve(within(call, span.traceparent), (served) => {
    span.end(codeOf(served));
    answer(served);
  });
}

function ending(span: { end(code: string): void }, done: Done): Done {
  return (answer) => {
    span.end(answer === undefined ? 'UNKNOWN_OUTCOME' : codeOf(answer));
    done(answer);
  };
}

function codeOf(answer: ForwardedAnswer): string {
  if (!('code' in answer) || answer.code === Code.OK) return 'OK';
  return codeName(answer.code);
}

function isBatch(call: ForwardedCall): call is BatchCall {
  return call.kind === 'write' || call.kind === 'read';
}

function traceparentOf(call: ForwardedCall): string | undefined {
  return isBatch(call) ? call.batch.traceparent : undefined;
}

/** The call as a child of another span; the batch's bytes and number stay (R15). */
function within(call: ForwardedCall, traceparent: string): ForwardedCall {
  if (call.kind === 'write') {
    const batch: WriteBatch = { ...call.batch, traceparent };
    return { ...call, batch };
  }
  if (call.kind !== 'read') return call;
  const batch: ReadBatch = { ...call.batch, traceparent };
  return { ...call, batch };
}
