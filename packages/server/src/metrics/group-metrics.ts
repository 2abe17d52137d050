/** Consensus and state machine of each group, copied from the node's status at every scrape. */
import type { RaftStatus } from '@cashe/raft';
import type { Counter, Gauge } from 'prom-client';
import type { GroupView, NodeView } from '../host/calls.js';
import type { HostCondition } from '../host/condition.js';
import { countAll, type Instruments, type Sample, setAll } from './instruments.js';

type Role = RaftStatus['role'];
const roles: readonly Role[] = ['follower', 'preCandidate', 'candidate', 'leader'];
const peerStates: readonly RaftStatus['progress'][number]['state'][] = [
  'probe',
  'replicate',
  'snapshot',
];

type Read = (group: GroupView) => number;

interface GroupSeries {
  readonly name: string;
  readonly help: string;
  readonly read: Read;
}

const gauges: readonly GroupSeries[] = [
  { name: 'cashe_keys', help: 'Keys held', read: ({ stats }) => stats.entries },
  {
    name: 'cashe_stored_bytes',
    help: 'Logical bytes of keys and values held, as counted against the capacity',
    read: ({ stats }) => stats.bytes,
  },
  { name: 'cashe_sessions', help: 'Open client sessions', read: ({ stats }) => stats.sessions },
  {
    name: 'cashe_session_bytes',
    help: 'Bytes of answers remembered for sessions',
    read: ({ stats }) => stats.sessionBytes,
  },
  { name: 'cashe_revision', help: 'Revision of the group', read: ({ stats }) => stats.revision },
  { name: 'cashe_raft_term', help: 'Current term', read: ({ raft }) => raft.currentTerm },
  {
    name: 'cashe_raft_commit_index',
    help: 'Highest log index known to be committed',
    read: ({ raft }) => raft.commitIndex,
  },
  {
    name: 'cashe_raft_applied_index',
    help: 'Highest log index applied',
    read: ({ raft }) => raft.appliedIndex,
  },
  {
    name: 'cashe_raft_persisted_index',
    help: 'Highest log index durable on this node',
    read: ({ raft }) => raft.persistedIndex,
  },
  { name: 'cashe_raft_last_index', help: 'Last log index', read: ({ raft }) => raft.lastIndex },
  {
    name: 'cashe_raft_apply_lag_entries',
    help: 'Entries known to be committed and not applied yet',
    read: ({ raft }) => raft.commitIndex - raft.appliedIndex,
  },
  {
    name: 'cashe_raft_log_memory_bytes',
    help: 'Bytes of the log kept in memory',
    read: ({ raft }) => raft.tailBytes,
  },
  {
    name: 'cashe_raft_voters',
    help: 'Voters of the newest configuration',
    read: ({ raft }) => raft.configuration.voters.length,
  },
  {
    name: 'cashe_raft_learners',
    help: 'Learners of the newest configuration',
    read: ({ raft }) => raft.configuration.learners.length,
  },
  {
    name: 'cashe_snapshot_index',
    help: 'Last log index in the newest durable snapshot; 0 without one',
    read: ({ snapshotIndex }) => snapshotIndex,
  },
];

const counters: readonly GroupSeries[] = [
  {
    name: 'cashe_hits_total',
    help: 'Keys that reads of this node found',
    read: ({ hits }) => hits,
  },
  {
    name: 'cashe_misses_total',
    help: 'Keys that reads of this node did not find',
    read: ({ misses }) => misses,
  },
  {
    name: 'cashe_evictions_total',
    help: 'Keys removed to keep within the capacity; equal on all replicas',
    read: ({ stats }) => stats.evictions,
  },
  {
    name: 'cashe_expiries_total',
    help: 'Keys removed because their time to live ended; equal on all replicas',
    read: ({ stats }) => stats.expiries,
  },
];

export class GroupMetrics {
  readonly #gauges: readonly (readonly [Gauge, Read])[];
  readonly #counters: readonly (readonly [Counter, Read])[];
  readonly #role: Gauge;
  readonly #leaderSilent: Gauge;
  readonly #age: Gauge;
  readonly #peerLag: Gauge;
  readonly #peerSilent: Gauge;
  readonly #peerState: Gauge;

  constructor(instruments: Instruments) {
    const labels = ['group'];
    const peerLabels = ['group', 'peer'];
    this.#gauges = gauges.map(({ name, help, read }) => [
      instruments.gauge(name, help, labels),
      read,
    ]);
    this.#counters = counters.map(({ name, help, read }) => [
      instruments.counter(name, help, labels),
      read,
    ]);
    this.#role = instruments.gauge('cashe_raft_role', '1 for the role the replica has', [
      'group',
      'role',
    ]);
    this.#leaderSilent = instruments.gauge(
      'cashe_raft_leader_silent_seconds',
      'Time since the leader was heard from; 0 on the leader',
      labels,
    );
    this.#age = instruments.gauge(
      'cashe_raft_state_age_seconds',
      'Time since this replica held all that the leader had committed when last heard',
      labels,
    );
    this.#peerLag = instruments.gauge(
      'cashe_raft_peer_lag_entries',
      'Leader only: entries of its log that the peer has not acknowledged as durable',
      peerLabels,
    );
    this.#peerSilent = instruments.gauge(
      'cashe_raft_peer_silent_seconds',
      'Leader only: time since the peer last answered',
      peerLabels,
    );
    this.#peerState = instruments.gauge(
      'cashe_raft_peer_state',
      'Leader only: 1 for how the peer is being replicated to',
      [...peerLabels, 'state'],
    );
  }

  refresh(view: NodeView, condition: HostCondition | undefined): void {
    const { groups } = view;
    for (const [gauge, read] of this.#gauges) setAll(gauge, perGroup(groups, read));
    for (const [counter, read] of this.#counters) countAll(counter, perGroup(groups, read));
    setAll(
      this.#role,
      groups.flatMap(({ group, raft }) =>
        roles.map((role) => oneOf({ group: String(group) }, 'role', role, raft.role)),
      ),
    );
    const replicas = condition?.replicas ?? [];
    setAll(
      this.#leaderSilent,
      replicas
        .filter(({ leaderKnown }) => leaderKnown)
        .map(({ group, leaderSilentMs }) => seconds(group, leaderSilentMs)),
    );
    setAll(
      this.#age,
      replicas.flatMap(({ group, ageMs }) => (ageMs === undefined ? [] : [seconds(group, ageMs)])),
    );
    this.#refreshPeers(view, condition?.tickMs ?? 0);
  }

  /** Peers are named by node id: there are as many as members. */
  #refreshPeers({ groups, members }: NodeView, tickMs: number): void {
    const nodes = new Map(members.map(({ replicaId, nodeId }) => [replicaId, nodeId]));
    const peers = groups.flatMap(({ group, raft }) =>
      raft.progress
        .filter(({ replicaId }) => replicaId !== raft.replicaId)
        .map((progress) => ({
          labels: { group: String(group), peer: nodes.get(progress.replicaId) ?? 'unknown' },
          lag: Math.max(0, raft.lastIndex - progress.matchIndex),
          progress,
        })),
    );
    setAll(
      this.#peerLag,
      peers.map(({ labels, lag }) => ({ labels, value: lag })),
    );
    setAll(
      this.#peerSilent,
      peers.map(({ labels, progress }) => ({
        labels,
        value: (progress.silentTicks * tickMs) / 1000,
      })),
    );
    setAll(
      this.#peerState,
      peers.flatMap(({ labels, progress }) =>
        peerStates.map((state) => oneOf(labels, 'state', state, progress.state)),
      ),
    );
  }
}

function perGroup(groups: readonly GroupView[], read: Read): Sample[] {
  return groups.map((group) => ({ labels: { group: String(group.group) }, value: read(group) }));
}

function seconds(group: number, ms: number): Sample {
  return { labels: { group: String(group) }, value: ms / 1000 };
}

/** One series per possible value, 1 for the one that holds. */
function oneOf(
  labels: Readonly<Record<string, string>>,
  name: string,
  value: string,
  actual: string,
): Sample {
  return { labels: { ...labels, [name]: value }, value: value === actual ? 1 : 0 };
}
