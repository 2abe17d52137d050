import { CLIENT_NAME_BYTES_MAX } from '@cashe/codec';
import { Cashe } from './cashe.js';
import {
  CasheError,
  type CasheErrorCode,
  type Core,
  coreDefaults,
  createCore,
} from './core/index.js';
import { endpointsFrom } from './founders-file.js';
import { GrpcConnector } from './grpc/session-connector.js';
import { TlsSource } from './grpc/tls-source.js';
import { NodeRandom, nodeClock, nodeScheduler } from './node-ports.js';
import type { ConnectOptions } from './options.js';
import type { ValueFormat } from './values.js';

const timeoutMsDefault = 5_000;

/** Connects to a cluster through any of its nodes; resolves once one has answered. */
export function connect(
  options: ConnectOptions<'string'> & { readonly values?: 'string' | undefined },
): Promise<Cashe<'string'>>;
export function connect<F extends ValueFormat>(
  options: ConnectOptions<F> & { readonly values: F },
): Promise<Cashe<F>>;
export async function connect(options: ConnectOptions): Promise<Cashe<ValueFormat>> {
  const endpoints = await endpointsOf(options);
  const tls = options.tls === undefined ? undefined : new TlsSource(options.tls);
  // Rejects at once for files that cannot be used.
  await tls?.frame();
  const core = createCore(
    {
      clock: nodeClock,
      scheduler: nodeScheduler,
      random: new NodeRandom(),
      connector: new GrpcConnector(tls, options.token),
    },
    {
      ...coreDefaults,
      ...options.tuning,
      endpoints,
      clusterId: options.clusterId,
      clientName: nameOf(options.clientName ?? coreDefaults.clientName),
      waitingOpsMax: options.waitingOpsMax ?? coreDefaults.waitingOpsMax,
      waitingBytesMax: options.waitingBytesMax ?? coreDefaults.waitingBytesMax,
      closeTimeoutMs: options.closeTimeoutMs ?? coreDefaults.closeTimeoutMs,
    },
  );
  await firstNode(core, options.connectTimeoutMs ?? timeoutMsDefault);
  return new Cashe(core, {
    values: options.values ?? 'string',
    timeoutMs: options.timeoutMs ?? timeoutMsDefault,
    nowMs: () => nodeClock.nowMs(),
  });
}

async function endpointsOf({ endpoints = [], config }: ConnectOptions): Promise<string[]> {
  const fromFile = config === undefined ? [] : await endpointsFrom(config);
  // `:3000`, as in the nodes' configuration, is this machine.
  const all = [...endpoints, ...fromFile].map((one) =>
    one.startsWith(':') ? `localhost${one}` : one,
  );
  if (all.length > 0) return [...new Set(all)];
  throw invalid('connect needs endpoints or a config file');
}

function nameOf(name: string): string {
  if (Buffer.byteLength(name) <= CLIENT_NAME_BYTES_MAX) return name;
  throw invalid(`clientName has more than ${CLIENT_NAME_BYTES_MAX} bytes`);
}

function invalid(message: string): CasheError {
  return new CasheError('INVALID_ARGUMENT', message, { outcome: 'notCommitted' });
}

function firstNode(core: Core, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (code: CasheErrorCode, message: string): void => {
      settle();
      core.close(() => reject(new CasheError(code, message, { outcome: 'notCommitted' })));
    };
    const timer = setTimeout(() => {
      const failure = core.lastFailure();
      const code = failure?.code === 'CLUSTER_MISMATCH' ? failure.code : 'UNAVAILABLE';
      const reason = failure === undefined ? '' : ` (${failure.message})`;
      fail(code, `no node answered within ${timeoutMs} ms${reason}`);
    }, timeoutMs);
    // Waiting changes nothing about a token that no node knows.
    const unsubscribe = core.onStatus(() => {
      const refusal = core.refusal();
      if (refusal !== undefined) fail(refusal.code, refusal.message);
    });
    const settle = (): void => {
      clearTimeout(timer);
      unsubscribe();
    };
    core.onceReady(() => {
      settle();
      resolve();
    });
  });
}
