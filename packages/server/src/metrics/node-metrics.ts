/** The node itself: readiness, log, peers, load, certificate; read at every scrape. */
import type { Gauge } from 'prom-client';
import type { WalState } from '../host/storage-ports.js';
import type { Check } from './health.js';
import { countAll, type Instruments, setAll } from './instruments.js';
import type { NodeSources } from './sources.js';

const walStates: readonly WalState[] = ['ready', 'waitingForSpace', 'full', 'failed'];

export interface BuildInfo {
  readonly version: string;
  readonly nodeVersion: string;
}

type Refresh = (sources: NodeSources, checks: readonly Check[]) => void;

export class NodeMetrics {
  readonly #refreshes: readonly Refresh[];

  constructor(instruments: Instruments, build: BuildInfo) {
    buildInfo(instruments, build);
    this.#refreshes = [
      identity(instruments),
      readiness(instruments),
      log(instruments),
      peers(instruments),
      load(instruments),
      capacity(instruments),
      certificate(instruments),
    ];
  }

  refresh(sources: NodeSources, checks: readonly Check[]): void {
    for (const refresh of this.#refreshes) refresh(sources, checks);
  }
}

function buildInfo(instruments: Instruments, { version, nodeVersion }: BuildInfo): void {
  instruments
    .gauge('cashe_build_info', 'Always 1; the labels say what runs', ['version', 'node_version'])
    .set({ version, node_version: nodeVersion }, 1);
}

function identity(instruments: Instruments): Refresh {
  const info = instruments.gauge('cashe_node_info', 'Always 1; the labels say who this is', [
    'node_id',
    'cluster_id',
  ]);
  const members = instruments.gauge('cashe_members', 'Nodes that belong to the cluster');
  return (sources) => {
    const { nodeId, clusterId, members: nodes } = sources.view();
    setAll(info, [{ labels: { node_id: nodeId, cluster_id: clusterId }, value: 1 }]);
    members.set(nodes.length);
  };
}

function readiness(instruments: Instruments): Refresh {
  const ready = instruments.gauge('cashe_ready', '1 while every readiness check passes');
  const check = instruments.gauge('cashe_ready_check', '1 while the readiness check passes', [
    'check',
  ]);
  return (_sources, checks) => {
    ready.set(checks.every(({ problem }) => problem === undefined) ? 1 : 0);
    setAll(
      check,
      checks.map(({ name, problem }) => ({
        labels: { check: name },
        value: problem === undefined ? 1 : 0,
      })),
    );
  };
}

function log(instruments: Instruments): Refresh {
  const state = instruments.gauge('cashe_wal_state', '1 for the state the log is in', ['state']);
  const disk = instruments.gauge('cashe_wal_disk_bytes', 'Bytes of the log on disk');
  const diskMax = instruments.gauge('cashe_wal_disk_bytes_max', 'Bound of the log on disk');
  const segments = instruments.gauge('cashe_wal_segments', 'Segment files of the log');
  const waiting = instruments.gauge(
    'cashe_wal_sync_waiting_seconds',
    'How long the write in flight has waited for its sync; 0 when none is',
  );
  const stalled = instruments.gauge(
    'cashe_wal_stalled',
    '1 while the disk is too slow or too full to take proposals',
  );
  return (sources) => {
    const condition = sources.condition();
    const status = condition?.log;
    waiting.set((condition?.syncWaitingMs ?? 0) / 1000);
    stalled.set(condition?.stalled === true ? 1 : 0);
    setAll(
      state,
      walStates.map((name) => ({ labels: { state: name }, value: status?.state === name ? 1 : 0 })),
    );
    disk.set(status?.diskBytes ?? 0);
    diskMax.set(status?.diskBytesMax ?? 0);
    segments.set(status?.segmentCount ?? 0);
  };
}

function peers(instruments: Instruments): Refresh {
  const connected = instruments.gauge(
    'cashe_peer_connected',
    '1 while the connection to the peer is open',
    ['peer'],
  );
  const queued = instruments.gauge(
    'cashe_peer_queued_bytes',
    'Bytes that wait to leave for the peer',
    ['peer'],
  );
  const dropped = instruments.counter(
    'cashe_peer_messages_dropped_total',
    'Messages to peers that were not delivered; Raft repeats what still matters',
    ['reason'],
  );
  return (sources) => {
    const all = sources.peers();
    const labelled = (read: (peer: (typeof all)[number]) => number) =>
      all.map((peer) => ({ labels: { peer: peer.nodeId }, value: read(peer) }));
    setAll(
      connected,
      labelled((peer) => (peer.connected ? 1 : 0)),
    );
    setAll(
      queued,
      labelled((peer) => peer.queuedBytes),
    );
    countAll(
      dropped,
      Object.entries(sources.drops()).map(([reason, value]) => ({ labels: { reason }, value })),
    );
  };
}

function load(instruments: Instruments): Refresh {
  const connections = instruments.gauge('cashe_connections', 'Open connections', ['port']);
  const streams = instruments.gauge('cashe_streams', 'Open streams of clients', ['kind']);
  const calls = instruments.gauge('cashe_unary_calls_in_flight', 'Unary calls without an answer');
  const bytes = instruments.gauge(
    'cashe_ops_in_flight_bytes',
    'Bytes of ops in flight over all streams',
  );
  return (sources) => {
    const now = sources.load();
    const ports = [{ port: 'client', count: now.connections }, ...sources.httpConnections()];
    setAll(
      connections,
      ports.map(({ port, count }) => ({ labels: { port }, value: count })),
    );
    setAll(
      streams,
      now.streams.map(({ kind, count }) => ({ labels: { kind }, value: count })),
    );
    calls.set(now.unaryCalls);
    bytes.set(now.opsBytes);
  };
}

function capacity(instruments: Instruments): Refresh {
  const keys = instruments.gauge('cashe_keys_max', 'Capacity in keys; 0: no limit');
  const bytes = instruments.gauge('cashe_stored_bytes_max', 'Capacity in logical bytes');
  const sessions = instruments.gauge('cashe_sessions_max', 'Most open sessions per group');
  return (sources) => {
    const { settings } = sources.view();
    keys.set(settings?.entriesMax ?? 0);
    bytes.set(settings?.bytesMax ?? 0);
    sessions.set(settings?.sessionsMax ?? 0);
  };
}

function certificate(instruments: Instruments): Refresh {
  const expiry: Gauge = instruments.gauge(
    'cashe_tls_certificate_expiry_timestamp_seconds',
    'When the certificate in use expires, Unix time; absent without TLS',
  );
  const stale = instruments.gauge(
    'cashe_tls_files_unusable',
    '1 while the certificate files are newer than what is in use and cannot be used',
  );
  return (sources) => {
    const view = sources.certificate();
    stale.set(view?.problem === undefined ? 0 : 1);
    if (view === undefined) expiry.remove();
    else expiry.set(view.notAfterMs / 1000);
  };
}
