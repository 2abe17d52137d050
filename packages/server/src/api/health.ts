/** grpc.health.v1: "" is the process, `cashe.v1.KV` is whether the node can serve keys now. */
import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Calls } from '../host/calls.js';
import { guardStreams, type StreamGuard } from './stream-guard.js';

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
    this.#health.addToServer(guardStreams(server, guard));
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
