/** What the options of the section `raft` mean for the host and for the log on disk. */
import type { RaftOptions } from '../config/options.js';
import type { HostConfig } from '../host/index.js';
import type { StorageSizes } from './storage.js';

/** Times are multiples of the tick: the rules of the configuration see to it. */
export function hostSettings(raft: RaftOptions): Partial<HostConfig> {
  const ticks = (ms: number): number => Math.round(ms / raft.tickMs);
  return {
    tickMs: raft.tickMs,
    heartbeatTicks: ticks(raft.heartbeatMs),
    stickinessTicks: ticks(raft.stickinessMs),
    electionTicksMin: ticks(raft.electionMsMin),
    electionTicksMax: ticks(raft.electionMsMax),
    slowSyncMs: raft.slowSyncMs,
    proposalBytesMax: raft.proposalBytesMax,
    tailBytesMax: raft.tailBytesMax,
    snapshotTriggerBytes: raft.snapshotBytes,
    followerLogBytesMax: raft.followerLogBytesMax,
  };
}

export function storageSizes({ segmentBytes, walBytesMax }: RaftOptions): StorageSizes {
  return { segmentBytes, walBytesMax };
}
