/**
 * A node that belongs to a cluster: its replicas, peers and what others may ask of it. Built from
 * stable storage and ports alone, so that the simulator runs exactly this.
 */
import { deriveLimits, type GroupLeader } from '@cashe/codec';
import {
  type ConfigurationCodec,
  Raft,
  type RaftConfig,
  type ReplicaId,
  type RestoredState,
  type SoftState,
} from '@cashe/raft';
import { createStore, type NodeRecord, type Settings, type StoreGenesis } from '@cashe/store';
import { AccessGuard, type AccessPorts } from './access-guard.js';
import { Admin } from './admin.js';
import { bootReplica } from './boot.js';
import type { GroupView, HelloView, TopologyView } from './calls.js';
import { ClusterClock } from './cluster-clock.js';
import { type HostCondition, replicaCondition } from './condition.js';
import { Host } from './host.js';
import type { HostConfig } from './host-config.js';
import { LeadershipLog } from './leadership-log.js';
import { memberViews } from './member-views.js';
import type { NodeCalls } from './node-calls.js';
import type { HostObserver } from './observer.js';
import { Peers } from './peers.js';
import type { Clock, Logger, PeerIntroduction, Scheduler, Transport } from './ports.js';
import { Replica } from './replica.js';
import type { ApplyObserver, ReplicaContext, ReplicaView } from './replica-context.js';
import type { GroupLog, SnapshotStore, Wal } from './storage-ports.js';
import type { HostTracer } from './tracer.js';

/** Who this node is in the cluster, and what the cluster started from. */
export interface ClusterIdentity {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly replicaId: ReplicaId;
  readonly groupCount: number;
  readonly genesisRecord: Uint8Array;
  readonly genesis: (group: number) => StoreGenesis;
  /** Members known before the log says who they are. */
  readonly members: readonly NodeRecord[];
}

export interface ClusterPorts {
  readonly config: HostConfig;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly wal: Wal;
  readonly snapshots: SnapshotStore;
  readonly transport: Transport;
  readonly configurationCodec: ConfigurationCodec;
  readonly calls: NodeCalls;
  readonly access: AccessPorts;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly fatal: (error: Error) => void;
  /** The committed configuration no longer has this node (R26). */
  readonly onRemoved: () => void;
  /** Hears of every entry applied here, also while booting; for the simulator. */
  readonly onApplied?: ApplyObserver;
  /** Hears what metrics count. */
  readonly observer?: HostObserver;
  /** Follows sampled batches. */
  readonly tracer?: HostTracer;
}

export class Cluster {
  readonly host: Host;
  readonly #identity: ClusterIdentity;
  readonly #ports: ClusterPorts;
  readonly #peers: Peers;
  readonly #admin: Admin;
  readonly #leadershipLog: LeadershipLog;
  #serving = false;
  #ticks = 0;
  #removed = false;

  private constructor(identity: ClusterIdentity, ports: ClusterPorts, host: Host, peers: Peers) {
    this.#identity = identity;
    this.#ports = ports;
    this.#peers = peers;
    this.host = host;
    this.#leadershipLog = new LeadershipLog(ports.log, ports.clock);
    this.#admin = new Admin(
      {
        clock: ports.clock,
        log: ports.log,
        clusterId: identity.clusterId,
        genesisRecord: identity.genesisRecord,
        membershipMs: ports.config.membershipMs,
        electionTicks: ports.config.electionTicksMin,
        tlsOn: ports.access.tlsOn,
        foundingFactor: identity.genesis(0).settings.replicationFactor,
        replicas: () => host.replicas.values(),
      },
      this.#meta(),
    );
  }

  /** Reads every group back from storage; nothing runs until `start`. */
  static async load(identity: ClusterIdentity, ports: ClusterPorts): Promise<Cluster> {
    let cluster: Cluster | undefined;
    const host: Host = new Host({
      ...ports,
      access: new AccessGuard(() => metaOf(host).store.access(), ports.access),
      onLeadership: (replica, state) => cluster?.onLeadership(replica, state),
      onMembership: () => cluster?.onMembership(),
      onTick: () => cluster?.onTick(),
    });
    const slot = { busy: false };
    for (const log of ports.wal.groupLogs()) {
      if (log.replicaId !== identity.replicaId) continue;
      host.add(await loadReplica(log, identity, ports, host.context, slot));
    }
    const peers = new Peers(identity.nodeUid, identity.members);
    cluster = new Cluster(identity, ports, host, peers);
    return cluster;
  }

  /** The transport must be attached. */
  start(): void {
    const { calls, transport } = this.#ports;
    calls.attach({
      groupCount: this.#identity.groupCount,
      replicas: this.host.replicas,
      admin: this.#admin,
      guard: this.host.context.access,
      transport,
      hello: () => this.hello(),
      topology: () => this.topology(),
      leaders: () => this.leaders(),
      serving: () => this.#serving,
    });
    this.onMembership();
    this.host.start();
  }

  settings(): Settings {
    return this.#meta().store.settings();
  }

  members(): readonly NodeRecord[] {
    return this.#peers.all();
  }

  #meta(): Replica {
    return metaOf(this.host);
  }

  // ---- views ----

  hello(): HelloView {
    const { clusterId, nodeId, nodeUid, groupCount } = this.#identity;
    const { store } = this.#meta();
    const settings = store.settings();
    const derived = deriveLimits(settings.valueBytesMax);
    const limits = {
      valueBytesMax: derived.valueBytesMax,
      keyBytesMax: derived.keyBytesMax,
      opBytesMax: derived.opBytesMax,
      batchBytesMax: derived.batchBytesMax,
      batchOpsMax: derived.batchOpsMax,
      sessionWindow: settings.sessionWindow,
    };
    return { clusterId, nodeId, nodeUid, groupCount, limits, settingsHash: store.settingsHash() };
  }

  topology(): TopologyView {
    const { clusterId, groupCount } = this.#identity;
    const meta = this.#meta();
    return {
      clusterId,
      appliedIndex: meta.store.appliedIndex,
      groupCount,
      members: memberViews(meta),
      leaders: this.leaders(),
    };
  }

  leaders(): GroupLeader[] {
    return [...this.host.replicas.values()].map((replica) => this.#leaderOf(replica));
  }

  groups(): GroupView[] {
    return [...this.host.replicas.values()].map((replica) => ({
      group: replica.group,
      raft: replica.raft.status(),
      leader: this.#leaderOf(replica),
      digest: replica.store.digest(),
      snapshotIndex: replica.snapshotIndex,
      stats: replica.store.stats(),
      hits: replica.hits,
      misses: replica.misses,
    }));
  }

  /** What readiness checks look at. */
  condition(): HostCondition {
    const { tickMs, electionTicksMax } = this.#ports.config;
    return {
      stalled: this.host.stalled,
      syncWaitingMs: this.host.commit.waitingMs(),
      electionMsMax: electionTicksMax * tickMs,
      tickMs,
      log: this.#ports.wal.status(),
      replicas: [...this.host.replicas.values()].map((one) => replicaCondition(one, tickMs)),
    };
  }

  #leaderOf(replica: ReplicaView): GroupLeader {
    const node = this.#peers.byReplica(replica.leaderId);
    return {
      kind: 'leader',
      group: replica.group,
      term: replica.term,
      nodeId: node?.nodeId ?? '',
      clientAddress: node?.clientAddress ?? '',
    };
  }

  // ---- what happens ----

  onLeadership(replica: ReplicaView, state: SoftState): void {
    const leader = this.#leaderOf(replica);
    const { group } = replica;
    const { role, term } = state;
    this.#leadershipLog.note({ group, role, term, leader: leader.nodeId });
    this.#ports.observer?.leadership(group, state);
    this.#ports.calls.leaderListeners.emit(leader);
    this.#ports.calls.topologyListeners.emit(undefined);
    this.#updateServing();
  }

  onMembership(): void {
    const meta = this.#meta();
    const nodes = meta.store.nodes();
    // A joiner's state is that of genesis until the log arrives: keep what admission told.
    const knowsItself = nodes.some((node) => node.replicaId === this.#identity.replicaId);
    if (knowsItself) this.#peers.replace(nodes);
    this.#ports.transport.setPeers(this.#peers.others());
    this.#admin.checkWaits();
    this.#ports.calls.topologyListeners.emit(undefined);
  }

  onPeerHello(peer: PeerIntroduction): void {
    if (this.#peers.introduce(peer)) this.#ports.transport.setPeers(this.#peers.others());
  }

  onTick(): void {
    this.#admin.tick();
    this.#leadershipLog.tick();
    this.#updateServing();
    this.#askWhetherGone();
    const removed = this.#meta().raft.status().removed;
    if (!removed || this.#removed) return;
    this.#removed = true;
    this.#ports.log.warn('this node was removed from the cluster');
    this.#ports.onRemoved();
  }

  /**
   * Whoever a replica's configuration names may be gone, too. Others are known from admission, or
   * were admitted by its log and came into the configuration only after that.
   */
  #askWhetherGone(): void {
    this.#ticks += 1;
    if (this.#ticks % this.#ports.config.electionTicksMax !== 0) return;
    const members = this.#peers.others().map(({ replicaId }) => replicaId);
    for (const { raft } of this.host.replicas.values()) {
      if (raft.status().leaderId === 0) raft.askWhetherGone(members);
    }
  }

  #updateServing(): void {
    const serving = [...this.host.replicas.values()].every((replica) => this.#serves(replica));
    if (serving === this.#serving) return;
    this.#serving = serving;
    this.#ports.calls.servingListeners.emit(serving);
  }

  #serves(replica: Replica): boolean {
    const { leaderId, leaderSilentTicks } = replica.raft.status();
    const heard = leaderSilentTicks <= this.#ports.config.electionTicksMax;
    // R9: a follower whose disk stalls is not ready; a leader still serves reads.
    const stalled = this.host.stalled && !replica.leads;
    return leaderId !== 0 && heard && !replica.restoring && !stalled && !this.#removed;
  }
}

function metaOf(host: Host): Replica {
  const meta = host.replicas.get(0);
  if (meta === undefined) throw new Error('this node has no replica of group 0');
  return meta;
}

async function loadReplica(
  log: GroupLog,
  identity: ClusterIdentity,
  ports: ClusterPorts,
  context: ReplicaContext,
  slot: { busy: boolean },
): Promise<Replica> {
  const { config, scheduler, wal, snapshots, configurationCodec } = ports;
  const { restored, store, stamp } = await bootReplica(log, {
    wal,
    snapshots,
    scheduler,
    configurationCodec,
    tailBytesMax: config.tailBytesMax,
    readBytesMax: config.applyingBytesMax,
    newStore: (group) => createStore(identity.genesis(group)),
    onApplied: ports.onApplied,
  });
  return new Replica({
    group: log.group,
    replicaId: identity.replicaId,
    raft: newRaft(identity, ports, restored),
    store,
    clusterClock: new ClusterClock(),
    stamp,
    context,
    snapshotPorts: { wal, snapshots, scheduler, slot, jitter: ports.random() },
    marker: log.snapshot,
  });
}

function newRaft(identity: ClusterIdentity, ports: ClusterPorts, restored: RestoredState): Raft {
  const { config, configurationCodec } = ports;
  const raftConfig: RaftConfig = {
    replicaId: identity.replicaId,
    configurationCodec,
    seed: Math.floor(ports.random() * 0x1_0000_0000),
    heartbeatTicks: config.heartbeatTicks,
    stickinessTicks: config.stickinessTicks,
    electionTicksMin: config.electionTicksMin,
    electionTicksMax: config.electionTicksMax,
    appendBytesMax: config.appendBytesMax,
    inflightAppendsMax: config.inflightAppendsMax,
    inflightBytesMax: config.inflightBytesMax,
    applyingBytesMax: config.applyingBytesMax,
    tailBytesMax: config.tailBytesMax,
    pendingReadsMax: config.pendingReadsMax,
  };
  return new Raft(raftConfig, restored);
}
