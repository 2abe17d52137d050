/**
 * The cluster and the load that speed is measured with: five nodes with the default settings,
 * nine callers who think 50 ms between two calls, half of which write.
 */
import { hostConfig } from '@cashe/server/host';
import type { Swarm } from './swarm.js';

const SEGMENT_BYTES = 512 * 1024;

export function steadyLoad(drawn: Swarm): Swarm {
  return {
    ...drawn,
    nodeCount: 5,
    replicationFactor: 5,
    membershipFaults: [],
    network: {
      ...drawn.network,
      latencyMinMs: 0.2,
      latencyMaxMs: 1,
      loss: 0,
      duplication: 0,
      delay: 0,
    },
    diskMs: 0.1,
    syncMs: 0.5,
    faultGapMs: 1_500,
    settingsGapMs: 0,
    accessGapMs: 0,
    safetyMs: 60_000,
    hostConfig: hostConfig({}),
    segmentBytes: SEGMENT_BYTES,
    blockBytesMax: 128 * 1024,
    walBytesMax: 16 * SEGMENT_BYTES,
    sessionWindow: 64,
    sessionsMax: 16_384,
    sessionIdleMs: 600_000,
    entriesMax: 0,
    bytesMax: 256 * 1024 * 1024,
    eviction: 'lru',
    unaryCount: 0,
    rogueCount: 0,
    contention: 0,
    ttls: 0,
    ttlsMs: [],
    stale: 0,
    keysPerCallMax: 1,
    cutAfterSend: 0,
    cutDelayMsMax: 0,
    clientCount: 3,
    callersPerClient: 3,
    keyCount: 8,
    valueBytes: 64,
    thinkMs: 50,
    writes: 0.5,
    deadlineMinMs: 1_000,
    deadlineMaxMs: 1_000,
  };
}
