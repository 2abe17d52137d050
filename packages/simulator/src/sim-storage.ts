/** A node's data directory on a doubled disk: the real identity, log and snapshot files. */
import type { Clock, Scheduler } from '@cashe/server/host';
import {
  completed,
  type Directory,
  type OpenedStorage,
  openDataDirectory,
  openSnapshotStore,
  openWal,
} from '@cashe/server/simulation';

interface StorageEnvironment {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: (bytes: number) => Uint8Array;
}

type OpenLog = OpenedStorage['openLog'];

export async function openSimStorage(
  parent: Directory,
  environment: StorageEnvironment,
): Promise<OpenedStorage> {
  const { random } = environment;
  const data = await openDataDirectory(parent, random);
  const snapshots = await openSnapshotStore(parent, random);
  let log: Awaited<ReturnType<OpenLog>> | undefined;
  return {
    data,
    snapshots,
    openLog: async (sizes) => {
      log = await openWal({ ...sizes, parent, environment });
      return log;
    },
    close: async () => {
      const open = log;
      log = undefined;
      if (open !== undefined) await completed((done) => open.close(done));
    },
  };
}
