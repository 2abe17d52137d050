/** Where this node listens, which addresses it tells others, and where it asks founders. */
import { FORMAT_VERSION } from '@cashe/codec';
import { advertisedAddress, type BindPlan, bindPlan, thisMachine } from '../config/listen.js';
import { localAddressTowards } from '../config/local-address.js';
import type { NodeOptions } from '../config/options.js';
import type { LocalIdentity } from '../rpc/index.js';

const PROBE_MS = 1000;

export class AddressBook implements LocalIdentity {
  readonly nodeId: string;
  readonly nodeUid: string;
  readonly formatVersionMax: number = FORMAT_VERSION;
  readonly #options: NodeOptions;
  #clientAddress = '';
  #raftAddress = '';

  constructor(options: NodeOptions, nodeUid: string) {
    this.nodeId = options.id;
    this.nodeUid = nodeUid;
    this.#options = options;
  }

  /** Known once the ports are bound. */
  get clientAddress(): string {
    return this.#clientAddress;
  }

  get raftAddress(): string {
    return this.#raftAddress;
  }

  plans(): { readonly client: BindPlan; readonly raft: BindPlan } {
    const { listen, raftListen, insecure, tls } = this.#options;
    const open = insecure || tls !== undefined;
    const machine = thisMachine();
    return {
      client: bindPlan(listen, open, machine),
      raft: bindPlan(raftListen, open, machine),
    };
  }

  /** Founders are peers from the first question on: a route to one counts already then. */
  routeTo(founderAddress: string): string {
    const { founders, peerRoutes } = this.#options;
    const founder = founders?.find(({ raft }) => raft === founderAddress);
    return (founder && peerRoutes.get(founder.id)) ?? founderAddress;
  }

  async bound(clientPort: number, raftPort: number): Promise<void> {
    const { client, raft } = this.plans();
    const founder = this.#options.founders?.find((one) => one.id === this.nodeId);
    const everywhere = client.scope === 'everyInterface' || raft.scope === 'everyInterface';
    const localAddress = everywhere ? await this.#localAddress() : undefined;
    const { hostName } = thisMachine();
    this.#clientAddress = advertisedAddress({
      stated: this.#options.advertiseClient ?? founder?.client,
      listen: this.#options.listen,
      boundPort: clientPort,
      scope: client.scope,
      localAddress,
      hostName,
    });
    this.#raftAddress = advertisedAddress({
      stated: this.#options.advertiseRaft ?? founder?.raft,
      listen: this.#options.raftListen,
      boundPort: raftPort,
      scope: raft.scope,
      localAddress,
      hostName,
    });
  }

  #localAddress(): Promise<string | undefined> {
    const { join, founders } = this.#options;
    const others = founders?.filter((one) => one.id !== this.nodeId) ?? [];
    const targets = join === undefined ? others.map((one) => one.raft) : [join];
    return targets.length === 0
      ? Promise.resolve(undefined)
      : localAddressTowards(targets, PROBE_MS);
  }
}
