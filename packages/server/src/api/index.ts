/** The public gRPC services of a node. */
export { type ApiServer, createApiServer } from './api-server.js';
export type { ApiLimits } from './limits.js';
