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
  type Admitting,
  type Introduced,
  type Introducing,
  IntroductionError,
  type IntroductionHandler,
} from './introduce.js';
export {
  defaultTransportLimits,
  type TransportLimits,
} from './options.js';
export { dialCredentials, dialOptions, type PeerMaterial } from './peer-tls.js';
export { PeerTransport } from './transport.js';

import type { TransportOptions } from './options.js';
import { PeerTransport } from './transport.js';

/** The peer transport of one node; `bind` it, then `attach` the node's cluster. */
export function createTransport(options: TransportOptions): PeerTransport {
  return new PeerTransport(options);
}
