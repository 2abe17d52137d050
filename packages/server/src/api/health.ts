/** grpc.health.v1: "" is the process, `cashe.v1.KV` is whether the node can serve keys now. */
import type { handleServerStreamingCall, handleUnaryCall, Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Calls } from '../host/calls.js';
import { toStatus } from './failure.js';
import { refuseMalformed } from './library-requests.js';
import { guardStreams, type ServiceHost, type StreamGuard } from './stream-guard.js';

const processService = '';
const kvService = 'cashe.v1.KV';

export class Health {
  readonly #health: HealthImplementation;
  #unsubscribe: (() => void) | undefined;
  #isStopping = false;

  constructor(calls: Calls) {
    this.#health = new HealthImplementation({
      [processService]: 'SERVING',
      [kvService]: statusOf(calls.serving()),
    });
    this.#unsubscribe = calls.onServing((serving) => {
      if (!this.#isStopping) this.#health.setStatus(kvService, statusOf(serving));
    });
  }

  addToServer(server: Server, guard: StreamGuard): void {
    this.#health.addToServer(onlyKnownServices(guardStreams(refuseMalformed(server), guard)));
  }

  /** The node is stopping: nobody should start anything here. */
  stop(): void {
    this.#isStopping = true;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#health.setStatus(kvService, 'NOT_SERVING');
    this.#health.setStatus(processService, 'NOT_SERVING');
  }
}

function statusOf(serving: boolean): 'SERVING' | 'NOT_SERVING' {
  return serving ? 'SERVING' : 'NOT_SERVING';
}

interface HealthRequest {
  readonly service: string;
}

/**
 * The library remembers every name that was ever watched, and repeats names of any length. There
 * are two names; of others it never hears.
 */
function onlyKnownServices(server: ServiceHost): ServiceHost {
  return {
    addService: (definition, implementation) => {
      const check = implementation['check'] as handleUnaryCall<HealthRequest, unknown>;
      const watch = implementation['watch'] as handleServerStreamingCall<HealthRequest, unknown>;
      const known: typeof check = (call, callback) => {
        if (isKnown(call.request)) check(call, callback);
        else callback(toStatus(unknownService));
      };
      const watchKnown: typeof watch = (call) => {
        if (isKnown(call.request)) watch(call);
        else call.write({ status: 'SERVICE_UNKNOWN' });
      };
      server.addService(definition, { ...implementation, check: known, watch: watchKnown });
    },
  };
}

function isKnown({ service }: HealthRequest): boolean {
  return service === processService || service === kvService;
}

const unknownService = {
  code: 'NOT_FOUND',
  outcome: 'notCommitted',
  message: `services with a health are ${kvService} and, for the whole process, ""`,
} as const;
