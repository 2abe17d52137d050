/** The part of a swarm that clients see: the limits of the cluster, and what is asked of it. */
import { genesisSettings } from '@cashe/server/simulation';
import { recordBytes, type Settings } from '@cashe/store';
import type { SeededRandom } from './random.js';

export interface WorkloadSwarm {
  readonly sessionWindow: number;
  readonly sessionsMax: number;
  readonly sessionIdleMs: number;
  /** 0: no limit. */
  readonly entriesMax: number;
  readonly bytesMax: number;
  readonly eviction: Settings['eviction'];
  /** Clients with the SDK's core. */
  readonly clientCount: number;
  /** Clients that make unary calls, each at most once. */
  readonly unaryCount: number;
  /** Clients that speak the Session protocol and break its rules. */
  readonly rogueCount: number;
  readonly callersPerClient: number;
  readonly keyCount: number;
  /** Share of the calls that go to the first three keys. */
  readonly contention: number;
  readonly valueBytes: number;
  readonly thinkMs: number;
  /** Share of calls that write. */
  readonly writes: number;
  /** Share of sets with a TTL, drawn from `ttlsMs`. */
  readonly ttls: number;
  readonly ttlsMs: readonly number[];
  /** Share of reads that are STALE. */
  readonly stale: number;
  /** Keys of one call, at most; 1: no call is for many. */
  readonly keysPerCallMax: number;
  readonly deadlineMinMs: number;
  readonly deadlineMaxMs: number;
  /** Chance per request that its stream dies right after it has left. */
  readonly cutAfterSend: number;
  /** How much later than others such a last request may arrive. */
  readonly cutDelayMsMax: number;
}

const BYTES_MAX_DEFAULT = 256 * 1024 * 1024;
const KEY_BYTES = 4;
/** Of all callers together: a run's length is bounded, and more calls find nothing new. */
const CALLS_PER_MS_MAX = 4;

export function workloadOf(random: SeededRandom): WorkloadSwarm {
  const deadlineMinMs = random.pick([20, 200, 1_000]);
  const valueBytes = random.pick([12, 12, 200, 1_500]);
  const keyCount = random.pick([1, 3, 8, 8, 40, 200]);
  const hasFewSessions = random.chance(0.3);
  const workload = {
    sessionWindow: random.pick([1, 4, 64]),
    sessionsMax: hasFewSessions ? random.pick([2, 4, 6]) : 16_384,
    sessionIdleMs: hasFewSessions ? random.pick([20, 300]) : 600_000,
    ...limitsOf(random, keyCount, valueBytes),
    clientCount: 1 + random.below(4),
    unaryCount: random.pick([0, 1, 3]),
    rogueCount: random.pick([0, 0, 1, 2]),
    callersPerClient: 1 + random.below(4),
    keyCount,
    contention: random.pick([0, 0.5]),
    valueBytes,
    thinkMs: random.pick([1, 10, 50]),
    writes: random.pick([0.2, 0.5, 0.9]),
    ttls: random.pick([0, 0.1, 0.6]),
    ttlsMs: random.pick([
      [1, 5, 30],
      [50, 300],
      [20, 1_000, 4_000],
      [300, 3_600_000],
    ]),
    stale: random.pick([0, 0.1, 0.5]),
    keysPerCallMax: random.pick([1, 1, 3, 20]),
    deadlineMinMs,
    deadlineMaxMs: deadlineMinMs * random.pick([1, 3, 10]),
    cutAfterSend: random.pick([0, 0, 0.002, 0.02]),
    cutDelayMsMax: random.pick([0, 50, 3_000]),
  };
  const callers = (workload.clientCount + workload.unaryCount) * workload.callersPerClient;
  return { ...workload, thinkMs: Math.max(workload.thinkMs, callers / CALLS_PER_MS_MAX) };
}

/** Limits that some part of the keys does not fit into. */
function limitsOf(
  random: SeededRandom,
  keyCount: number,
  valueBytes: number,
): Pick<WorkloadSwarm, 'entriesMax' | 'bytesMax' | 'eviction'> {
  const room = 1 + Math.ceil(keyCount * random.pick([0.2, 0.5, 0.9]));
  const entriesMax = random.pick([0, 0, room]);
  const roomBytes = room * recordBytes(KEY_BYTES, Math.max(valueBytes, KEY_BYTES * 4));
  const bytesMax = random.pick([BYTES_MAX_DEFAULT, BYTES_MAX_DEFAULT, roomBytes]);
  return { entriesMax, bytesMax, eviction: random.pick(['lru', 'lru', 'lru', 'noeviction']) };
}

/** What the cluster starts with. */
export function settingsOf(swarm: WorkloadSwarm, replicationFactor: number): Settings {
  const { entriesMax, bytesMax, eviction, sessionWindow, sessionsMax, sessionIdleMs } = swarm;
  return {
    ...genesisSettings({ entriesMax, bytesMax, eviction, replicationFactor }),
    sessionWindow,
    sessionsMax,
    sessionIdleMs,
  };
}
