import { Code } from '@cashe/codec';
import type { ForwardedCall } from '../host/ports.js';
import type { Admission } from './admission.js';
import type { DialTarget } from './dial.js';
import { notForwarded } from './forward-codec.js';
import { ForwardConnection, type ForwardDone } from './forward-connection.js';
import type { TransportOptions } from './options.js';
import type { LinkPeer } from './peer-link.js';

/**
 * Forwards calls to one node (R30) over a connection that is opened with the first call, and
 * replaced when it is old: then calls may be in flight on both, and no more than that.
 */
export class ForwardClient {
  readonly #peer: LinkPeer;
  readonly #options: TransportOptions;
  readonly #admission: Admission;
  #current: ForwardConnection | undefined;
  #retired: ForwardConnection | undefined;

  constructor(peer: LinkPeer, options: TransportOptions, admission: Admission) {
    this.#peer = peer;
    this.#options = options;
    this.#admission = admission;
  }

  /** `target`: where the peer answers now; undefined when it is not reachable. */
  forward(target: DialTarget | undefined, call: ForwardedCall, done: ForwardDone): void {
    if (target === undefined) {
      done(notForwarded(call, Code.UNAVAILABLE, `node ${this.#peer.nodeId} is not reachable`));
      return;
    }
    if (this.#current?.isOld === true && this.#retired === undefined) {
      this.#retired = this.#current;
      this.#current = undefined;
      this.#retired.retire();
    }
    this.#current ??= this.#connect(target);
    this.#current.forward(call, done);
  }

  /** The node is gone or not wanted any more: the outcome of what is in flight is unknown. */
  reset(): void {
    this.#current?.close();
    this.#retired?.close();
  }

  #connect(target: DialTarget): ForwardConnection {
    const connection: ForwardConnection = new ForwardConnection(
      this.#peer,
      target,
      this.#options,
      this.#admission,
      () => {
        if (this.#current === connection) this.#current = undefined;
        if (this.#retired === connection) this.#retired = undefined;
      },
    );
    return connection;
  }
}
