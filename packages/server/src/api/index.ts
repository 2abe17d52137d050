/** The public gRPC services of a node. */
export { type ApiServer, createApiServer } from './api-server.js';
export { Authenticator } from './authenticate.js';
export { CallError } from './failure.js';
export type { ApiLimits } from './limits.js';
export { nodeClock } from './node-ports.js';
export { runOps } from './op-run.js';
export { packageVersion } from './version.js';
