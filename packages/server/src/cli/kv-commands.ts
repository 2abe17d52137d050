/** get, set and delete. */
import type { CallOptions } from './call-options.js';
import { CommandError, exitCodes } from './exit-codes.js';
import type { Io } from './io.js';
import type { Actions } from './program.js';

/** What the commands need of the SDK; calls reject with CommandError. */
export interface KvApi {
  get(key: string, stale: boolean): Promise<Uint8Array | undefined>;
  set(key: string, value: Uint8Array | string, options: SetTtl): Promise<void>;
  /** False: there was nothing to delete. */
  delete(key: string): Promise<boolean>;
  close(): Promise<void>;
}

export interface SetTtl {
  readonly ttlMs: number | undefined;
  readonly keepTtl: boolean;
}

export type OpenKv = (options: CallOptions) => Promise<KvApi>;

/** No server takes more: the upper bound of the value limit (R20). */
const valueBytesMax = 8 * 1024 * 1024;

export function kvActions(open: OpenKv, io: Io): Pick<Actions, 'get' | 'set' | 'delete'> {
  return {
    get: (key, options) =>
      withKv(open, options, async (kv) => {
        const value = await kv.get(key, options.stale);
        if (value === undefined) return notFound(key, io);
        await io.write(value);
        if (io.stdoutIsTerminal) await io.write('\n');
        return exitCodes.ok;
      }),
    set: async (key, text, options) => {
      const value = text ?? (await io.readAll(valueBytesMax));
      if (value === undefined) {
        const message = `standard input is larger than ${valueBytesMax} bytes`;
        throw new CommandError(exitCodes.refused, message);
      }
      return withKv(open, options, async (kv) => {
        await kv.set(key, value, options);
        return exitCodes.ok;
      });
    },
    delete: (key, options) =>
      withKv(open, options, async (kv) =>
        (await kv.delete(key)) ? exitCodes.ok : notFound(key, io),
      ),
  };
}

function notFound(key: string, io: Io): number {
  io.complain(`cashe: no key ${JSON.stringify(key)}`);
  return exitCodes.negative;
}

async function withKv(
  open: OpenKv,
  options: CallOptions,
  run: (kv: KvApi) => Promise<number>,
): Promise<number> {
  const kv = await open(options);
  try {
    return await run(kv);
  } finally {
    await kv.close();
  }
}
