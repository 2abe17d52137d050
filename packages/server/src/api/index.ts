/** The public gRPC services of a node. */
export { type ApiServer, type ApiServerOptions, createApiServer } from './api-server.js';
export { type ApiLimits, defaultApiLimits } from './limits.js';
export { anonymous, type PrincipalOf } from './principal.js';
