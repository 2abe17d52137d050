/** Calls of the generated gRPC client on one node, recorded. */
import { KVClient } from '@cashe/proto';
import type { HistoryOutcome, HistoryResult } from '@cashe/simulator';
import { type CallOptions, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Call, Recorder } from './recorder.js';

type Done<T> = (error: ServiceError | null, answer: T) => void;
type Start<T> = (metadata: Metadata, options: Partial<CallOptions>, done: Done<T>) => unknown;

/** What faults explain; any other status is a surprise. */
const expectedStatuses: readonly status[] = [
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.UNKNOWN,
  status.ABORTED,
  status.CANCELLED,
];

export class UnaryCaller {
  readonly #client: KVClient;
  readonly #timeoutMs: number;

  constructor(address: string, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#client = new KVClient(address, credentials.createInsecure(), {
      'grpc.enable_http_proxy': 0,
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 200,
    });
  }

  /** True when it was answered. */
  async call(recorder: Recorder, call: Call): Promise<boolean> {
    const id = recorder.begin(call);
    try {
      recorder.settle(id, 'ok', await this.#result(call));
      return true;
    } catch (error) {
      const { code, metadata, message } = error as ServiceError;
      recorder.settle(id, outcomeOf(call, metadata));
      recorder.failed(status[code] ?? String(code));
      if (!expectedStatuses.includes(code)) {
        recorder.surprise(`unary ${call.kind} ${call.key}: ${message}`);
      }
      return false;
    }
  }

  close(): void {
    this.#client.close();
  }

  async #result({ kind, key, value = '', ttlMs }: Call): Promise<HistoryResult> {
    const client = this.#client;
    switch (kind) {
      case 'set': {
        const request = { key, value: Buffer.from(value), ttlMs, keepTtl: false };
        const { revision } = await this.#ask<{ revision: number }>((...rest) =>
          client.set(request, ...rest),
        );
        return { revision };
      }
      case 'delete': {
        const { found, revision } = await this.#ask<{ found: boolean; revision: number }>(
          (...rest) => client.delete({ key }, ...rest),
        );
        return { found, revision: found ? revision : undefined };
      }
      case 'has':
        return this.#ask<{ found: boolean }>((...rest) =>
          client.has({ key, consistency: 0 }, ...rest),
        );
      case 'get':
        return this.#get(key);
    }
  }

  async #get(key: string): Promise<HistoryResult> {
    const { found, value, revision, version } = await this.#ask<{
      readonly found: boolean;
      readonly value: Uint8Array;
      readonly revision: number;
      readonly version: number;
    }>((...rest) => this.#client.get({ key, consistency: 0 }, ...rest));
    return found ? { value: Buffer.from(value).toString(), revision, version } : {};
  }

  #ask<T>(start: Start<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + this.#timeoutMs };
      start(new Metadata(), options, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
    });
  }
}

/** R29: a missing trailer means unknown. */
function outcomeOf({ kind }: Call, metadata: Metadata | undefined): HistoryOutcome {
  const told = metadata?.get('cashe-outcome')[0]?.toString();
  const isRead = kind === 'get' || kind === 'has';
  if (told === 'not_committed' || isRead) return 'notCommitted';
  return told === 'committed' ? 'ok' : 'unknown';
}
