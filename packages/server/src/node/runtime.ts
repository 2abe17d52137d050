/** A node while it runs: what it is made of, how it gets into its cluster, and how it ends. */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { FORMAT_VERSION } from '@cashe/codec';
import { type ApiLimits, type ApiServer, createApiServer } from '../api/index.js';
import { tailProblem } from '../config/limit-rules.js';
import { insecureWarning } from '../config/listen.js';
import type { ExitReason, NodeOptions, RunningNode } from '../config/options.js';
import { describeFailure } from '../failure.js';
import {
  Cluster,
  type HostConfig,
  hostConfig,
  type Logger,
  NodeCalls,
  type NodeView,
} from '../host/index.js';
import { levelSetter } from '../log.js';
import type { TlsMaterial } from '../net/tls-material.js';
import {
  configurationCodec,
  createTransport,
  type PeerHandler,
  type PeerTransport,
  type TransportLimits,
} from '../rpc/index.js';
import { createAccess, type NodeAccess } from './access-wiring.js';
import { AddressBook } from './address-book.js';
import {
  type Admission,
  type AdmissionContext,
  AdmissionError,
  clusterIdentity,
  type Pausing,
} from './admission.js';
import { admit, existingAdmission } from './admitting.js';
import { FoundedAnswers, foundersHash } from './founding.js';
import { HttpPorts } from './http-ports.js';
import { lastWrite } from './last-write.js';
import { memberClient } from './member-client.js';
import { handOver, keepRecordCurrent, leaveCluster } from './membership.js';
import { Observation } from './observation.js';
import { realClock, realScheduler } from './real-ports.js';
import { genesisTerms } from './records.js';
import { checkSettings } from './settings-check.js';
import type { Storage, StorageSizes } from './storage.js';
import { loadMaterial, openStorage, peerLimits, portTls } from './tls-wiring.js';
import { hostSettings, storageSizes } from './tuning.js';
import { Introductions } from './waiting-for-join.js';

/** For tests and measurements; everything has a default. */
export interface NodeTuning {
  readonly host?: Partial<HostConfig>;
  readonly storage?: Partial<StorageSizes>;
  readonly transport?: Partial<TransportLimits>;
  readonly api?: Partial<ApiLimits>;
  /** How often certificate files are looked at. */
  readonly certificatePollMs?: number;
}

/** What a node is handed open, and closes. */
interface Owned {
  readonly storage: Storage;
  readonly material: TlsMaterial | undefined;
}

/** Time for peers' connections to end by themselves. */
const PEER_GRACE_MS = 500;

export class NodeRuntime implements RunningNode {
  readonly id: string;
  readonly closed: Promise<ExitReason>;
  readonly ready: Promise<void>;
  readonly #options: NodeOptions;
  readonly #log: Logger;
  readonly #config: HostConfig;
  readonly #storage: Storage;
  /** undefined: no TLS. */
  readonly #material: TlsMaterial | undefined;
  readonly #calls: NodeCalls;
  readonly #access: NodeAccess;
  readonly #api: ApiServer;
  readonly #transport: PeerTransport;
  readonly #addresses: AddressBook;
  readonly #introductions: Introductions;
  readonly #observation: Observation;
  readonly #stopping: AbortController = new AbortController();
  readonly #pausing: Pausing = {
    signal: this.#stopping.signal,
    scheduler: realScheduler,
    random: Math.random,
  };
  readonly #startedMs: number = realClock.nowMs();
  #resolveClosed: (reason: ExitReason) => void = () => undefined;
  #resolveReady: () => void = () => undefined;
  #waitingFor = 'its start';
  #admission: Admission | undefined;
  #cluster: Cluster | undefined;
  #ending: Promise<void> | undefined;
  #exit: ExitReason | undefined;
  #http: HttpPorts | undefined;

  private constructor(options: NodeOptions, log: Logger, tuning: NodeTuning, owned: Owned) {
    const { storage, material } = owned;
    this.id = options.id;
    this.#options = options;
    this.#log = log;
    this.#config = hostConfig({ ...hostSettings(options.raft), ...tuning.host });
    this.#storage = storage;
    this.#material = material;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.ready = new Promise((resolve) => {
      this.#resolveReady = resolve;
    });
    this.#addresses = new AddressBook(options, storage.nodeUid);
    this.#calls = new NodeCalls({
      clock: realClock,
      scheduler: realScheduler,
      crc32: (bytes) => crc32(bytes),
      status: () => this.#status(),
    });
    this.#observation = new Observation(options.id, options.http, {
      view: () => this.#status(),
      condition: () => this.#cluster?.condition(),
      peers: () => this.#transport.peers(),
      drops: () => ({ ...this.#transport.drops() }),
      load: () => this.#api.load(),
      httpConnections: () => this.#http?.connections() ?? [],
      certificate: () => material,
      ending: () => (this.#exit?.kind === 'stopped' ? 'draining' : this.#exit?.kind),
    });
    const { reporters, tracing } = this.#observation;
    this.#access = createAccess(options, this.#calls, log, reporters);
    const { authenticator } = this.#access;
    this.#api = createApiServer({
      calls: this.#calls,
      log,
      limits: { ...options.limits, ...tuning.api },
      logLevel: { level: options.log.level, set: levelSetter(log) },
      authenticator,
      ...{ reporters, tracing },
      tls: portTls(options.tls, material),
    });
    this.#transport = createTransport({
      identity: this.#addresses,
      scheduler: realScheduler,
      logger: log,
      tls: material,
      limits: { ...peerLimits(options.limits), ...tuning.transport },
      peerRoutes: options.peerRoutes,
      random: Math.random,
    });
    this.#introductions = new Introductions(this.#addresses);
    this.#transport.serveIntroductions(this.#introductions);
  }

  /** Binds the ports; everything after that goes on in the background. */
  static async start(options: NodeOptions, log: Logger, tuning: NodeTuning): Promise<NodeRuntime> {
    const sizes = { ...storageSizes(options.raft), ...tuning.storage };
    const material = await loadMaterial(options, log, tuning.certificatePollMs);
    const storage = await openStorage(options.dataDir, sizes, material);
    let node: NodeRuntime | undefined;
    try {
      const admission = existingAdmission(options, storage);
      node = new NodeRuntime(options, log, tuning, { storage, material });
      await node.#bind();
      void node.#enter(admission);
      return node;
    } catch (error) {
      if (node !== undefined) await node.#closePorts(0);
      await storage.close();
      material?.close();
      throw error;
    }
  }

  get clientAddress(): string {
    return this.#addresses.clientAddress;
  }

  get raftAddress(): string {
    return this.#addresses.raftAddress;
  }

  get restAddress(): string | undefined {
    return this.#http?.restAddress;
  }

  get metricsAddress(): string | undefined {
    return this.#http?.metricsAddress;
  }

  async #bind(): Promise<void> {
    const plans = this.#addresses.plans();
    const raftPort = await this.#transport.bind(plans.raft.addresses);
    const clientPort = await this.#api.bind(plans.client.addresses);
    await this.#addresses.bound(clientPort, raftPort);
    this.#log.info('listening', {
      client: this.clientAddress,
      clientScope: plans.client.reason,
      raft: this.raftAddress,
      raftScope: plans.raft.reason,
    });
    const warning = insecureWarning(this.#options.insecure);
    if (warning !== undefined) this.#log.warn(warning);
    this.#http = await HttpPorts.open({
      options: this.#options,
      log: this.#log,
      calls: this.#calls,
      api: this.#api,
      authenticator: this.#access.authenticator,
      transport: this.#transport,
      observation: this.#observation,
      material: this.#material,
      genesisRecord: () => this.#admission?.genesis.bytes,
      signal: this.#stopping.signal,
    });
  }

  // ---- into the cluster ----

  async #enter(existing: Admission | undefined): Promise<void> {
    try {
      const admission = existing ?? (await this.#admit());
      if (admission === undefined || this.#stopping.signal.aborted) return;
      this.#introductions.belongsTo(admission.genesis.clusterId);
      await this.#startCluster(admission);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #admit(): Promise<Admission | undefined> {
    this.#storage.prepareLog();
    const context: AdmissionContext = {
      nodeId: this.id,
      nodeUid: this.#storage.nodeUid,
      clientAddress: this.clientAddress,
      raftAddress: this.raftAddress,
      waitFor: (what) => this.#waitFor(what),
      ...this.#pausing,
    };
    const transport = this.#transport;
    return admit(this.#options, context, this.#storage, {
      terms: genesisTerms(this.#options),
      randomBytes,
      serveFounders: (handler) => transport.serveFounders(handler),
      serveWaiting: this.#options.waitForJoin
        ? (waiting) => this.#introductions.waits(waiting)
        : undefined,
      askFounder: (address, request, ms) =>
        transport.askFounder(this.#addresses.routeTo(address), request, ms),
      dial: (address) => memberClient(address, this.#material),
    });
  }

  #waitFor(what: string): void {
    if (what === this.#waitingFor) return;
    this.#waitingFor = what;
    this.#log.info('waiting', { for: what });
  }

  async #startCluster(admission: Admission): Promise<void> {
    const { genesis, identity } = admission;
    const unfit = tailProblem(this.#options.raft, genesis.settings.valueBytesMax);
    if (unfit !== undefined) throw new AdmissionError(unfit);
    this.#waitFor('its log to be read back');
    const openLog = await this.#storage.log(admission);
    const { nodeUid } = this.#storage;
    const cluster = await Cluster.load(clusterIdentity(admission, nodeUid), {
      ...openLog,
      config: this.#config,
      clock: realClock,
      scheduler: realScheduler,
      log: this.#log,
      ...this.#observation.clusterPorts(this.#transport),
      configurationCodec,
      calls: this.#calls,
      access: this.#access.ports,
      random: Math.random,
      fatal: (error) => this.#fail(error),
      onRemoved: () => void this.#end('removed'),
    });
    if (this.#stopping.signal.aborted) return;
    this.#admission = admission;
    this.#cluster = cluster;
    this.#transport.attach({
      clusterId: genesis.clusterId,
      get settingsHash(): number {
        return cluster.hello().settingsHash;
      },
      handler: this.#peerHandler(cluster),
    });
    const { founders = [] } = this.#options;
    const hash = foundersHash(founders, genesisTerms(this.#options));
    this.#transport.serveFounders(new FoundedAnswers(this.id, nodeUid, genesis, hash));
    this.#watchServing();
    checkSettings(this.#calls, this.#options, this.#pausing, {
      agreed: () => this.#resolveReady(),
      conflict: (problem) => this.#fail(new AdmissionError(problem)),
    });
    cluster.start();
    keepRecordCurrent(this.#calls, this.#addresses, this.#log, this.#pausing);
    const { clusterId } = genesis;
    this.#log.info('member of a cluster', { clusterId, replicaId: identity.replicaId });
  }

  #watchServing(): void {
    this.#waitFor('a leader');
    this.#calls.onServing((serving) => {
      this.#waitingFor = serving ? '' : 'a leader';
      this.#log.info(serving ? 'serving' : 'not serving: no leader was heard in time');
    });
  }

  #peerHandler(cluster: Cluster): PeerHandler {
    const { host } = cluster;
    return {
      onMessage: this.#observation.received(host),
      onUnreachable: (peer) => host.unreachable(peer),
      onRefused: (peer) => host.refused(peer),
      onConnected: () => host.wake(),
      onSnapshot: (group, message) => host.receiveSnapshot(group, message),
      onForwarded: this.#observation.forwarded(this.#calls),
      onPeerHello: (peer) => cluster.onPeerHello(peer),
      onForeignCluster: (clusterId) => this.#onForeignCluster(clusterId),
    };
  }

  /** R25: the data directory was lost, and the node founded a cluster of its own by mistake. */
  #onForeignCluster(clusterId: string): void {
    const founders = this.#admission?.genesis.founders.length ?? 0;
    if (founders !== 1 || this.#calls.topology().members.length !== 1) return;
    this.#fail(
      new AdmissionError(
        `cluster ${clusterId} counts this node as a member; ` +
          'remove it there and start with --leaderaddr',
      ),
    );
  }

  #status(): NodeView {
    const { nodeUid } = this.#storage;
    return {
      clusterId: this.#admission?.genesis.clusterId ?? '',
      nodeId: this.id,
      nodeUid,
      clientAddress: this.clientAddress,
      raftAddress: this.raftAddress,
      formatVersionMax: FORMAT_VERSION,
      waitingFor: this.#waitingFor,
      groups: this.#cluster?.groups() ?? [],
      members: this.#calls.topology().members,
      settings: this.#cluster?.settings(),
      uptimeMs: Math.round(realClock.nowMs() - this.#startedMs),
    };
  }

  // ---- the end ----

  async stop(): Promise<void> {
    if (this.#options.leaveOnExit && this.#cluster !== undefined && this.#ending === undefined) {
      try {
        await this.leave();
        return;
      } catch (error) {
        this.#log.warn('could not leave: stopping as a member', {
          error: (error as Error).message,
        });
      }
    }
    await this.#end('stopped');
  }

  async leave(): Promise<void> {
    await leaveCluster(this.#calls, this.id, this.closed);
    await this.#end('removed');
  }

  #fail(error: Error): void {
    const { line: message, trace } = describeFailure(error);
    this.#log.error('the node must stop', { error: message, trace });
    void this.#end({ kind: 'failed', message });
  }

  #end(reason: 'stopped' | 'removed' | ExitReason): Promise<void> {
    this.#ending ??= this.#shutDown(typeof reason === 'string' ? { kind: reason } : reason);
    return this.#ending;
  }

  async #shutDown(reason: ExitReason): Promise<void> {
    const failed = reason.kind === 'failed';
    this.#exit = reason;
    const drainMs = failed ? 0 : this.#options.drainMs;
    const deadlineMs = realClock.nowMs() + drainMs;
    this.#stopping.abort();
    // NOT_SERVING at once, so that clients turn away; calls are served until another node leads.
    this.#api.announceStop();
    if (!failed && this.#cluster !== undefined) {
      const isConnected = (replicaId: number) => this.#transport.isConnected(replicaId);
      await handOver(this.#cluster.host, { isConnected, deadlineMs, log: this.#log });
    }
    // Whatever fails on the way down, the rest is still ended, and `closed` settles.
    this.#http?.stopAccepting();
    await this.#attempt('calls drained', () =>
      this.#api.drain(Math.max(0, deadlineMs - realClock.nowMs())),
    );
    await this.#attempt('replicas stopped', () => this.#stopHost(reason));
    await this.#attempt('ports closed', () => this.#closePorts(PEER_GRACE_MS));
    await this.#attempt('storage closed', () => this.#storage.close());
    this.#material?.close();
    this.#access.close();
    this.#log.info('stopped', { reason: reason.kind });
    this.#resolveClosed(reason);
  }

  async #attempt(what: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#log.error(`not ${what}`, { error: (error as Error).message });
    }
  }

  /** No turn runs any more; what is being written gets written, if the disk still answers. */
  async #stopHost(reason: ExitReason): Promise<void> {
    const cluster = this.#cluster;
    if (cluster === undefined) return;
    this.#calls.stop();
    cluster.host.stop();
    await lastWrite(cluster);
    if (reason.kind !== 'removed' || this.#admission === undefined) return;
    const { identity } = this.#admission;
    const groups = [...cluster.host.replicas.keys()];
    await this.#storage.bury({ ...identity, members: cluster.members() }, groups);
    this.#log.info('removed from the cluster: tombstone written');
  }

  async #closePorts(graceMs: number): Promise<void> {
    this.#api.forceClose();
    await this.#transport.stop(graceMs);
    await this.#http?.close();
    this.#observation.close();
  }
}
