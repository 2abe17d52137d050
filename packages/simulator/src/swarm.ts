/** One seed chooses the whole run: sizes, speeds, limits, faults and their rates. */
import { type HostConfig, hostConfig } from '@cashe/server/host';
import type { SeededRandom } from './random.js';

export type FaultKind =
  | 'crashAny'
  | 'crashLeader'
  | 'crashMajority'
  | 'crashAll'
  | 'pause'
  | 'isolateAny'
  | 'isolateLeader'
  | 'halves'
  | 'oneWay'
  | 'badNetwork'
  | 'slowDisk'
  | 'transfer';

const FAULT_KINDS: readonly FaultKind[] = [
  'crashAny',
  'crashLeader',
  'crashMajority',
  'crashAll',
  'pause',
  'isolateAny',
  'isolateLeader',
  'halves',
  'oneWay',
  'badNetwork',
  'slowDisk',
  'transfer',
];

/** Chances are per message. */
export interface NetworkConditions {
  readonly latencyMinMs: number;
  readonly latencyMaxMs: number;
  readonly loss: number;
  readonly duplication: number;
  /** Delayed by up to delayMaxMs: reordered, perhaps across terms. */
  readonly delay: number;
  readonly delayMaxMs: number;
}

export interface Swarm {
  readonly nodeCount: number;
  readonly network: NetworkConditions;
  readonly badNetwork: NetworkConditions;
  readonly diskMs: number;
  readonly syncMs: number;
  readonly faults: readonly FaultKind[];
  readonly faultGapMs: number;
  readonly safetyMs: number;
  readonly hostConfig: HostConfig;
  readonly segmentBytes: number;
  readonly blockBytesMax: number;
  readonly walBytesMax: number;
  readonly sessionWindow: number;
  readonly clientCount: number;
  readonly callersPerClient: number;
  readonly keyCount: number;
  readonly valueBytes: number;
  readonly thinkMs: number;
  /** Share of ops that write. */
  readonly writes: number;
  readonly deadlineMinMs: number;
  readonly deadlineMaxMs: number;
  /** A refused connection is noticed and told to the host (R7). */
  readonly refusedNoticed: boolean;
  /** Share of losses that are reported to the sender's host. */
  readonly lossReported: number;
}

export function swarmOf(random: SeededRandom): Swarm {
  const latencyMinMs = random.pick([0.05, 0.2, 1, 3]);
  const network: NetworkConditions = {
    latencyMinMs,
    latencyMaxMs: latencyMinMs * random.pick([1, 2, 5]),
    loss: random.pick([0, 0, 0.001, 0.01]),
    duplication: random.pick([0, 0, 0.01]),
    delay: random.pick([0, 0, 0.005]),
    delayMaxMs: random.pick([20, 300, 2_000]),
  };
  const badNetwork: NetworkConditions = {
    latencyMinMs,
    latencyMaxMs: latencyMinMs + random.pick([5, 30, 100]),
    loss: random.pick([0, 0.05, 0.2]),
    duplication: random.pick([0, 0.05, 0.2]),
    delay: random.pick([0, 0.05, 0.2]),
    delayMaxMs: random.pick([50, 500, 3_000]),
  };
  const workload = workloadOf(random);
  const enabled = FAULT_KINDS.filter(() => random.chance(0.5));
  return {
    nodeCount: random.pick([1, 2, 3, 3, 3, 3, 4, 5, 5]),
    network,
    badNetwork,
    faults: enabled.length > 0 ? enabled : ['crashAny'],
    faultGapMs: random.pick([150, 500, 1_500]),
    safetyMs: random.pick([4_000, 8_000, 15_000]),
    refusedNoticed: random.chance(0.5),
    lossReported: random.pick([0, 0.5, 1]),
    ...storageOf(random, workload.valueBytes),
    ...workload,
  };
}

type Storage =
  | 'diskMs'
  | 'syncMs'
  | 'hostConfig'
  | 'segmentBytes'
  | 'blockBytesMax'
  | 'walBytesMax';

/** As in production, an entry fits a block and is small beside the memory tail (R6, R20). */
function storageOf(random: SeededRandom, valueBytes: number): Pick<Swarm, Storage> {
  const blockBytesMax = (valueBytes > 1_000 ? 512 : 64) * 1024;
  const segmentBytes = blockBytesMax * random.pick([3, 8]);
  return {
    diskMs: random.pick([0.01, 0.1]),
    syncMs: random.pick([0.1, 0.5, 3, 10]),
    segmentBytes,
    blockBytesMax,
    walBytesMax: segmentBytes * random.pick([4, 16]),
    hostConfig: hostConfig({
      tailBytesMax: (2 * 1024 + 32 * valueBytes) * random.pick([4, 16, 256]),
      appendBytesMax: random.pick([1024, 16 * 1024]),
      inflightAppendsMax: random.pick([2, 8, 64]),
      entryOpsMax: random.pick([4, 64, 8192]),
      entriesPerStepMax: random.pick([1, 16]),
      snapshotTriggerBytes: random.pick([8 * 1024, 64 * 1024, 256 * 1024 * 1024]),
      snapshotStepBytes: random.pick([512, 16 * 1024]),
      digestEntries: random.pick([4, 64]),
      clockEntryMs: random.pick([500, 60_000]),
      inboxPerStepMax: random.pick([4, 256]),
    }),
  };
}

type Workload =
  | 'sessionWindow'
  | 'clientCount'
  | 'callersPerClient'
  | 'keyCount'
  | 'valueBytes'
  | 'thinkMs'
  | 'writes'
  | 'deadlineMinMs'
  | 'deadlineMaxMs';

function workloadOf(random: SeededRandom): Pick<Swarm, Workload> {
  const deadlineMinMs = random.pick([20, 200, 1_000]);
  return {
    sessionWindow: random.pick([1, 4, 64]),
    clientCount: 1 + random.below(4),
    callersPerClient: 1 + random.below(4),
    keyCount: random.pick([1, 3, 8]),
    valueBytes: random.pick([8, 8, 200, 1_500]),
    thinkMs: random.pick([1, 10, 50]),
    writes: random.pick([0.2, 0.5, 0.9]),
    deadlineMinMs,
    deadlineMaxMs: deadlineMinMs * random.pick([1, 3, 10]),
  };
}
