/** The SDK as get, set and delete use it: one client per command, one deadline for everything. */
import { CasheError, connect } from '@cashe/client';
import { CommandError, exitCodeOf } from './exit-codes.js';
import type { KvApi, OpenKv } from './kv-commands.js';

export const openKv: OpenKv = async ({ endpoints, timeoutMs, token, tls }) => {
  const deadlineMs = performance.now() + timeoutMs;
  const cashe = await explained(
    connect({
      endpoints,
      values: 'bytes',
      token,
      tls,
      connectTimeoutMs: timeoutMs,
      closeTimeoutMs: 500,
      clientName: 'cashe-cli',
    }),
  );
  const remaining = (): { readonly timeoutMs: number } => ({
    timeoutMs: Math.max(1, Math.ceil(deadlineMs - performance.now())),
  });
  const api: KvApi = {
    get: (key, stale) =>
      explained(cashe.get(key, { ...remaining(), consistency: stale ? 'stale' : 'linearizable' })),
    set: async (key, value, { ttlMs, keepTtl }) => {
      await explained(cashe.set(key, value, { ...remaining(), ttlMs, keepTtl }));
    },
    delete: (key) => explained(cashe.delete(key, remaining())),
    close: () => cashe.close(),
  };
  return api;
};

/** The SDK rejects with nothing but CasheError; anything else is a bug and stays what it is. */
async function explained<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof CasheError)) throw error;
    const exitCode = exitCodeOf(error.code, error.outcome === 'unknown');
    throw new CommandError(exitCode, error.message, { cause: error });
  }
}
