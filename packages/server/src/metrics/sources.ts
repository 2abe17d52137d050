/** Where a node's metrics and checks read what is true now; asked at scrape time only. */
import type { NodeView } from '../host/calls.js';
import type { HostCondition } from '../host/condition.js';

interface PeerView {
  readonly nodeId: string;
  readonly connected: boolean;
  readonly queuedBytes: number;
}

/** What the client port carries now. */
interface SurfaceLoad {
  readonly connections: number;
  readonly streams: readonly { readonly kind: string; readonly count: number }[];
  /** Calls without a session: unary and REST. */
  readonly unaryCalls: number;
  /** Bytes of ops in flight over all streams. */
  readonly opsBytes: number;
}

interface CertificateView {
  readonly notAfterMs: number;
  /** Why newer files are not in use; undefined when there are none. */
  readonly problem: string | undefined;
}

export interface NodeSources {
  view(): NodeView;
  /** undefined until the node belongs to a cluster. */
  condition(): HostCondition | undefined;
  peers(): readonly PeerView[];
  /** Messages to peers that were not delivered, by reason. */
  drops(): Readonly<Record<string, number>>;
  load(): SurfaceLoad;
  /** Open connections of the HTTP ports there are. */
  httpConnections(): readonly { readonly port: string; readonly count: number }[];
  /** The certificate new handshakes get; undefined without TLS. */
  certificate(): CertificateView | undefined;
  /** Why the node is going away; undefined while it is not. */
  ending(): 'draining' | 'removed' | 'failed' | undefined;
}
