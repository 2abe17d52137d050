/** The network of a cluster of processes: a proxy on every directed pair and before every node. */
import { TcpProxy } from './proxy/tcp-proxy.js';
import { Wire } from './proxy/wire.js';

/** Ports where a node itself listens. */
export interface NodePorts {
  readonly client: number;
  readonly raft: number;
}

interface Path {
  readonly from: number | 'clients';
  readonly to: number;
  readonly port: number;
  readonly proxy: TcpProxy;
  isCut: boolean;
}

export class Network {
  readonly #paths: readonly Path[];
  /** By `from>to`. */
  readonly #wires: Map<string, Wire> = new Map();
  readonly #down: Set<number> = new Set();

  /** Takes `portCount(nodes.length)` ports. */
  constructor(nodes: readonly NodePorts[], ports: readonly number[]) {
    const left = [...ports];
    this.#paths = nodes.flatMap((target, to) => {
      const dialers = [...nodes.keys()].filter((from) => from !== to);
      return (['clients', ...dialers] as const).map((from) => {
        const port = left.shift();
        if (port === undefined) throw new RangeError('too few ports for the proxies');
        const proxy = new TcpProxy({
          port,
          targetPort: from === 'clients' ? target.client : target.raft,
          there: this.wire(from, to),
          back: this.wire(to, from),
        });
        return { from, to, port, proxy, isCut: false };
      });
    });
  }

  static portCount(nodes: number): number {
    return nodes * nodes;
  }

  async open(): Promise<void> {
    await Promise.all(this.#paths.map(({ proxy }) => proxy.open()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#paths.map(({ proxy }) => proxy.refuse()));
  }

  /** Where `from` dials `to`. */
  address(from: number | 'clients', to: number): string {
    const path = this.#paths.find((one) => one.from === from && one.to === to);
    if (path === undefined) throw new RangeError(`there is no path from ${from} to ${to}`);
    return `127.0.0.1:${path.port}`;
  }

  /** What goes from one to the other, whoever dialled. */
  wire(from: number | 'clients', to: number | 'clients'): Wire {
    const name = `${from}>${to}`;
    const wire = this.#wires.get(name) ?? new Wire();
    this.#wires.set(name, wire);
    return wire;
  }

  /** Connections between the two are ended, and new ones refused. */
  async cut(one: number | 'clients', other: number): Promise<void> {
    await this.#change(
      ({ from, to }) => (from === one && to === other) || (from === other && to === one),
      (path) => {
        path.isCut = true;
      },
    );
  }

  /** A process that is gone refuses; a proxy that went on to listen would hide that (R7). */
  async setDown(node: number, isDown: boolean): Promise<void> {
    if (isDown) this.#down.add(node);
    else this.#down.delete(node);
    await this.#change(
      ({ to }) => to === node,
      () => undefined,
    );
  }

  /** Ends every connection of clients with the node; they may connect again at once. */
  dropClients(node: number): void {
    for (const { from, to, proxy } of this.#paths) {
      if (from === 'clients' && to === node) proxy.dropAll();
    }
  }

  /** Nothing is cut, held or slow any more; what was held arrives now. */
  async heal(): Promise<void> {
    for (const wire of this.#wires.values()) wire.restore();
    await this.#change(
      () => true,
      (path) => {
        path.isCut = false;
      },
    );
  }

  async #change(matches: (path: Path) => boolean, change: (path: Path) => void): Promise<void> {
    const paths = this.#paths.filter(matches);
    for (const path of paths) change(path);
    await Promise.all(
      paths.map(({ isCut, to, proxy }) =>
        isCut || this.#down.has(to) ? proxy.refuse() : proxy.open(),
      ),
    );
  }
}
