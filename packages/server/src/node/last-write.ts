import type { Cluster } from '../host/index.js';
import { realScheduler } from './real-ports.js';

/** Longest wait for the last write of a node that stops. */
const LAST_WRITE_MS = 5_000;

/** After the host stopped: resolves once no write is in flight, rejects when the disk is silent. */
export function lastWrite(cluster: Cluster): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = new Error(`the disk has not answered for ${LAST_WRITE_MS} ms`);
    const timer = realScheduler.after(LAST_WRITE_MS, () => reject(late));
    cluster.host.commit.whenIdle(() => {
      timer.cancel();
      resolve();
    });
  });
}
