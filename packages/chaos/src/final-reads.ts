/** After the faults: every key is read through every node, and all nodes must hold the same. */
import type { ChaosCluster } from './chaos-cluster.js';
import { recoveryMsMax } from './faults.js';
import type { Recorder } from './recorder.js';
import { UnaryCaller } from './unary-caller.js';

const inFlight = 32;
const readTimeoutMs = 5_000;

/** What went wrong, in words. */
export async function readEverything(cluster: ChaosCluster, recorder: Recorder): Promise<string[]> {
  const keys = [...recorder.keys];
  const failures = await Promise.all(
    cluster.processes.nodes.map(async ({ id, clientAddress }) => {
      const caller = new UnaryCaller(clientAddress, readTimeoutMs);
      const left = [...keys];
      let failed = 0;
      const lane = async (): Promise<void> => {
        for (let key = left.pop(); key !== undefined; key = left.pop()) {
          const call = { client: `final-${id}`, kind: 'get', key } as const;
          if (!(await caller.call(recorder, call))) failed += 1;
        }
      };
      await Promise.all(Array.from({ length: inFlight }, lane));
      caller.close();
      return failed === 0 ? [] : [`${failed} of ${keys.length} reads through ${id} failed`];
    }),
  );
  return [...failures.flat(), ...(await differences(cluster))];
}

async function differences(cluster: ChaosCluster): Promise<string[]> {
  try {
    await cluster.processes.waitUntilEqual(recoveryMsMax);
    return [];
  } catch (error) {
    const { message, cause } = error as Error;
    return [`${message}: ${(cause as Error | undefined)?.message ?? ''}`];
  }
}
