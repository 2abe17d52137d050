import type { Server } from '@grpc/grpc-js';
import type { RefusalReporter } from '../metrics/reporters.js';
import { sessionOf } from '../net/http2-session.js';
import { type CallFailure, toStatus } from './failure.js';
import type { StreamingCall } from './grpc-types.js';

/**
 * Counts the open streams of one method, refuses more than the bound (R35) and can end those that
 * are open, which otherwise last as long as their client likes.
 */
export class StreamGuard {
  readonly name: string;
  readonly #streamsMax: () => number;
  readonly #refusals: RefusalReporter | undefined;
  readonly #open = new Set<StreamingCall>();

  /** `streamsMax` is asked each time: the bound may change while the node runs. */
  constructor(name: string, streamsMax: () => number, refusals?: RefusalReporter) {
    this.name = name;
    this.#streamsMax = streamsMax;
    this.#refusals = refusals;
  }

  get count(): number {
    return this.#open.size;
  }

  /** False when the call was refused and ended. */
  admit(call: StreamingCall): boolean {
    const streamsMax = this.#streamsMax();
    if (this.#open.size >= streamsMax) {
      const message = `this node serves ${streamsMax} ${this.name} streams at a time`;
      this.#refusals?.refused('streams');
      end(call, { code: 'RESOURCE_EXHAUSTED', outcome: 'notCommitted', message });
      return false;
    }
    this.#open.add(call);
    // Emitted by grpc-js however the call ends.
    call.once('cancelled', () => this.#open.delete(call));
    return true;
  }

  endAll(failure: CallFailure): void {
    for (const call of [...this.#open]) end(call, failure);
  }

  /** Ends the streams of one connection. */
  endOn(session: object, failure: CallFailure): void {
    for (const call of [...this.#open]) if (sessionOf(call) === session) end(call, failure);
  }
}

function end(call: StreamingCall, failure: CallFailure): void {
  call.emit('error', toStatus(failure));
}

/** The part of a server that services of libraries are added to. */
export type ServiceHost = Pick<Server, 'addService'>;

/**
 * Adds a library's service with its streams guarded. Its handlers write without looking whether
 * the client takes anything, so a client that only sends is not read further until it does.
 */
export function guardStreams(server: ServiceHost, guard: StreamGuard): ServiceHost {
  return {
    addService: (definition, implementation) => {
      const guarded = { ...implementation };
      for (const [method, { originalName = method, responseStream }] of Object.entries(
        definition,
      )) {
        const name = implementation[method] === undefined ? originalName : method;
        const handler = implementation[name];
        if (handler === undefined || !responseStream) continue;
        const stream = handler.bind(implementation) as (call: StreamingCall) => void;
        guarded[name] = (call: StreamingCall) => {
          if (!guard.admit(call)) return;
          pace(call);
          stream(call);
        };
      }
      server.addService(definition, guarded);
    },
  };
}

function pace(call: StreamingCall): void {
  if (!('pause' in call)) return;
  const write = call.write.bind(call);
  call.write = (chunk: unknown): boolean => {
    const mayGoOn = write(chunk);
    if (!mayGoOn) {
      call.pause();
      call.once('drain', () => call.resume());
    }
    return mayGoOn;
  };
}
