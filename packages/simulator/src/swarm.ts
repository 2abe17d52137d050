/** One seed chooses the whole run: sizes, speeds, limits, faults and their rates. */
import { type HostConfig, hostConfig } from '@cashe/server/host';
import { type FaultKind, faultKinds } from './nemesis/kinds.js';
import type { SeededRandom } from './random.js';
import { type WorkloadSwarm, workloadOf } from './swarm-workload.js';

export type MembershipFault =
  | 'join'
  | 'joinLate'
  | 'leave'
  | 'removeLeader'
  | 'removeIsolated'
  | 'removeCrashed'
  | 'twoAdmins'
  | 'loseDisk'
  | 'rejoin'
  | 'splitJoint'
  | 'crashJoint';

const MEMBERSHIP_FAULTS: readonly MembershipFault[] = [
  'join',
  'joinLate',
  'leave',
  'removeLeader',
  'removeIsolated',
  'removeCrashed',
  'twoAdmins',
  'loseDisk',
  'rejoin',
  'splitJoint',
  'crashJoint',
];

const GROWTH_FAULTS: readonly MembershipFault[] = ['join', 'splitJoint', 'crashJoint'];

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

export interface Swarm extends WorkloadSwarm {
  readonly nodeCount: number;
  readonly network: NetworkConditions;
  readonly badNetwork: NetworkConditions;
  readonly diskMs: number;
  readonly syncMs: number;
  readonly faults: readonly FaultKind[];
  readonly faultGapMs: number;
  /** A node's clock runs at most so much faster or slower than another's; 1: all alike. */
  readonly driftMax: number;
  readonly replicationFactor: number;
  /** Empty: the members stay who they are. */
  readonly membershipFaults: readonly MembershipFault[];
  readonly membershipGapMs: number;
  readonly safetyMs: number;
  /** Mean time between two changes of the settings, and of the access policy; 0: none. */
  readonly settingsGapMs: number;
  readonly accessGapMs: number;
  readonly hostConfig: HostConfig;
  readonly segmentBytes: number;
  readonly blockBytesMax: number;
  readonly walBytesMax: number;
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
  return {
    network,
    badNetwork,
    faults: faultsOf(random),
    faultGapMs: random.pick([150, 500, 1_500]),
    driftMax: random.pick([1, 1.001, 1.1, 2]),
    ...membershipOf(random),
    safetyMs: random.pick([4_000, 8_000, 15_000]),
    refusedNoticed: random.chance(0.5),
    lossReported: random.pick([0, 0.5, 1]),
    ...storageOf(random, workload.valueBytes),
    ...workload,
    settingsGapMs: random.pick([0, 0, 200, 1_000]),
    accessGapMs: random.pick([0, 0, 200, 1_000]),
  };
}

/** Many kinds at once, or few that strike again and again. */
function faultsOf(random: SeededRandom): FaultKind[] {
  const share = random.pick([0, 0.1, 0.3, 0.6]);
  const enabled = faultKinds.filter(() => random.chance(share));
  return enabled.length > 0 ? enabled : [random.pick(faultKinds), random.pick(faultKinds)];
}

type Membership = 'nodeCount' | 'replicationFactor' | 'membershipFaults' | 'membershipGapMs';

/** Half of all runs change their members; some of these only let three founders become five. */
function membershipOf(random: SeededRandom): Pick<Swarm, Membership> {
  const nodeCount = random.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 6, 7]);
  const replicationFactor = random.pick([1, 3, 3, 5, 7]);
  const membershipGapMs = random.pick([300, 1_000, 3_000]);
  const changes = random.chance(0.5);
  if (changes && random.chance(0.15)) {
    const membershipFaults = GROWTH_FAULTS;
    return { nodeCount: 3, replicationFactor: 5, membershipFaults, membershipGapMs };
  }
  const membershipFaults = MEMBERSHIP_FAULTS.filter(() => random.chance(0.6) && changes);
  return { nodeCount, replicationFactor, membershipFaults, membershipGapMs };
}

type Storage =
  | 'diskMs'
  | 'syncMs'
  | 'hostConfig'
  | 'segmentBytes'
  | 'blockBytesMax'
  | 'walBytesMax';

/** Of the log, KiB; a segment holds two blocks. */
interface LogSizes {
  /** Of an entry with the largest batch: a paused node wakes up to all its unary callers' calls. */
  readonly block: number;
  readonly segments: readonly [number, number];
}

function logSizes(valueBytes: number): LogSizes {
  if (valueBytes > 1_000) return { block: 1_088, segments: [2_240, 5_120] };
  if (valueBytes > 100) return { block: 256, segments: [576, 1_024] };
  return { block: 64, segments: [192, 512] };
}

/** As in production, the largest entry fits a block (R20), a usual one the memory tail (R6). */
function storageOf(random: SeededRandom, valueBytes: number): Pick<Swarm, Storage> {
  const { block, segments } = logSizes(valueBytes);
  const blockBytesMax = block * 1024;
  const segmentBytes = random.pick(segments) * 1024;
  const diskMs = random.pick([0.01, 0.1]);
  const syncMs = random.pick([0.1, 0.5, 3, 10]);
  const segmentsMax = random.pick([4, 16]);
  return {
    diskMs,
    syncMs,
    segmentBytes,
    blockBytesMax,
    walBytesMax: segmentBytes * segmentsMax,
    hostConfig: hostConfig({
      // With a small log nobody is waited for: whoever is behind needs a snapshot, as often as not.
      followerLogBytesMax: segmentsMax > 4 ? Number.MAX_SAFE_INTEGER : 0,
      tailBytesMax:
        (2 * 1024 + 32 * valueBytes) * random.pick([4, 16, valueBytes > 1_000 ? 32 : 256]),
      appendBytesMax: random.pick([1024, 16 * 1024]),
      inflightAppendsMax: random.pick([2, 8, 64]),
      entryOpsMax: random.pick([4, 64, valueBytes > 100 ? 128 : 512]),
      entriesPerStepMax: random.pick([1, 16]),
      snapshotTriggerBytes: random.pick([2 * 1024, 8 * 1024, 64 * 1024, 256 * 1024 * 1024]),
      snapshotStepBytes: random.pick([512, 16 * 1024]),
      digestEntries: random.pick([4, 64]),
      clockEntryMs: random.pick([500, 60_000]),
      inboxPerStepMax: random.pick([4, 256]),
    }),
  };
}
