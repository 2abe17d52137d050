/** Bounds and times of a host; defaults are the rules' (R6, R7, R34, R35). All ms unless named. */
export interface HostConfig {
  readonly tickMs: number;
  readonly heartbeatTicks: number;
  readonly stickinessTicks: number;
  readonly electionTicksMin: number;
  readonly electionTicksMax: number;
  readonly appendBytesMax: number;
  readonly inflightAppendsMax: number;
  readonly inflightBytesMax: number;
  readonly applyingBytesMax: number;
  /** Memory tail of one replica's log. */
  readonly tailBytesMax: number;
  readonly pendingReadsMax: number;
  /** Messages of peers waiting for the next turn, per replica; more are dropped as lost. */
  readonly inboxMax: number;
  /** Messages stepped per replica and turn. */
  readonly inboxPerStepMax: number;
  /** Write batches and commands waiting to be proposed, per replica; more are refused BUSY. */
  readonly proposalsMax: number;
  readonly proposalBytesMax: number;
  /** Ops per entry: what apply does in one piece. */
  readonly entryOpsMax: number;
  /** Entries proposed and ops applied per replica and turn. */
  readonly entriesPerStepMax: number;
  readonly appliedOpsPerStepMax: number;
  /** Read batches waiting, per replica; more are refused BUSY. */
  readonly readBatchesMax: number;
  /** Read ops served per replica and turn. */
  readonly readOpsPerStepMax: number;
  /** Bytes of values in one read answer; ops beyond it answer RETRY. */
  readonly readAnswerBytesMax: number;
  /** How long a read batch waits for its session's writes before RETRY (R13). */
  readonly readWaitMs: number;
  /** Age of the oldest unsynced block from which the disk counts as stalled (R9). */
  readonly slowSyncMs: number;
  /** Longest time without an entry while a clock is needed (R16). */
  readonly clockEntryMs: number;
  /** Entries between two digests (R12). */
  readonly digestEntries: number;
  /** Log bytes since the last snapshot that trigger one (R6); the last one's size if larger. */
  readonly snapshotTriggerBytes: number;
  /** Bytes sealed, read or restored per step. */
  readonly snapshotStepBytes: number;
  /** How long a follower that is sent a snapshot keeps the log behind it (R6). */
  readonly snapshotPinMs: number;
  /** Bytes of log up to which entries are kept for followers that are behind (R6). */
  readonly followerLogBytesMax: number;
  /** Members are looked at, and moved on, this often (R26). */
  readonly membershipMs: number;
}

const MIB = 1024 * 1024;

export function hostConfig(overrides: Partial<HostConfig> = {}): HostConfig {
  return {
    tickMs: 10,
    heartbeatTicks: 4,
    stickinessTicks: 16,
    electionTicksMin: 20,
    electionTicksMax: 32,
    appendBytesMax: MIB,
    inflightAppendsMax: 64,
    inflightBytesMax: 16 * MIB,
    applyingBytesMax: 16 * MIB,
    tailBytesMax: 64 * MIB,
    pendingReadsMax: 4096,
    inboxMax: 4096,
    inboxPerStepMax: 256,
    proposalsMax: 8192,
    proposalBytesMax: 32 * MIB,
    entryOpsMax: 8192,
    entriesPerStepMax: 16,
    appliedOpsPerStepMax: 16_384,
    readBatchesMax: 8192,
    readOpsPerStepMax: 16_384,
    readAnswerBytesMax: 4 * MIB,
    readWaitMs: 50,
    slowSyncMs: 1000,
    clockEntryMs: 60_000,
    digestEntries: 1024,
    snapshotTriggerBytes: 256 * MIB,
    snapshotStepBytes: 256 * 1024,
    snapshotPinMs: 60_000,
    followerLogBytesMax: 2048 * MIB,
    membershipMs: 100,
    ...overrides,
  };
}
