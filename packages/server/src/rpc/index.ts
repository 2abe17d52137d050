export type { PeerHandler } from './admission.js';
export { configurationCodec } from './configuration-codec.js';
export {
  type FoundAnswer,
  FounderUnreachableError,
  type FoundHandler,
  type FoundRequest,
} from './found.js';
export type { LocalIdentity } from './hello.js';
export {
  defaultTransportLimits,
  type TransportLimits,
} from './options.js';
export { PeerTransport } from './transport.js';

import type { TransportOptions } from './options.js';
import { PeerTransport } from './transport.js';

/** The peer transport of one node; `bind` it, then `attach` the node's cluster. */
export function createTransport(options: TransportOptions): PeerTransport {
  return new PeerTransport(options);
}
