/** The REST surface of a node. */
export { RestError } from './failure.js';
export { defaultHttpLimits, defaultRestLimits } from './limits.js';
export type { RestPorts } from './ports.js';
export { createRestServer } from './rest-server.js';
