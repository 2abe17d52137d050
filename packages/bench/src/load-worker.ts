/** The load process: it has a CPU of its own to fight for, and nothing else to do. */
import { type Cashe, connect } from '@cashe/client';
import { KVClient } from '@cashe/proto';
import { credentials } from '@grpc/grpc-js';
import { type LoadResult, runLoad } from './load.js';
import type { LoadRequest } from './load-messages.js';
// Here and not by --import: whoever listens first gets the messages, and the probe drops these.
import './node-probe.js';

type RunRequest = Extract<LoadRequest, { kind: 'run' }>;

const keyCount = 10_000;
const fillBatch = 500;
const callTimeoutMs = 30_000;

class LoadWorker {
  readonly #keys: readonly string[] = Array.from({ length: keyCount }, (_, i) => `bench:${i}`);
  #cashe: Cashe<'bytes'> | undefined;

  async handle(request: LoadRequest): Promise<LoadResult | undefined> {
    switch (request.kind) {
      case 'connect':
        this.#cashe = await connect({
          endpoints: request.endpoints,
          values: 'bytes',
          timeoutMs: callTimeoutMs,
        });
        return undefined;
      case 'fill':
        return this.#fill(filled(request.valueBytes));
      case 'run':
        return request.op === 'unary' ? this.#runUnary(request) : this.#runSdk(request);
    }
  }

  async #fill(value: Uint8Array): Promise<undefined> {
    for (let at = 0; at < this.#keys.length; at += fillBatch) {
      const keys = this.#keys.slice(at, at + fillBatch);
      await this.#connected().setMany(keys.map((key) => [key, value] as const));
    }
  }

  #runSdk({ op, valueBytes, callers, seconds }: RunRequest): Promise<LoadResult> {
    const cashe = this.#connected();
    const value = filled(valueBytes);
    const options = { callers, seconds, keys: this.#keys };
    return op === 'set'
      ? runLoad(options, (key) => cashe.set(key, value))
      : runLoad(options, (key) => cashe.get(key));
  }

  async #runUnary({
    valueBytes,
    callers,
    seconds,
    unaryEndpoint,
  }: RunRequest): Promise<LoadResult> {
    const value = filled(valueBytes);
    const client = new KVClient(unaryEndpoint, credentials.createInsecure(), {
      'grpc.enable_http_proxy': 0,
    });
    try {
      return await runLoad({ callers, seconds, keys: this.#keys }, (key) =>
        setUnary(client, key, value),
      );
    } finally {
      client.close();
    }
  }

  #connected(): Cashe<'bytes'> {
    if (this.#cashe === undefined) throw new Error('asked to work before it was connected');
    return this.#cashe;
  }
}

function setUnary(client: KVClient, key: string, value: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    client.set({ key, value, keepTtl: false }, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

function filled(bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(120);
}

const worker = new LoadWorker();
process.on('message', ({ id, request }: { id?: number; request?: LoadRequest }) => {
  // Without a request it is a question for the probe, which shares the channel.
  if (id === undefined || request === undefined) return;
  worker.handle(request).then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
// The probe holds the channel to be no reason to stay; to this process it is the only one.
process.channel?.ref();
process.once('disconnect', () => process.exit());
