/** @cashe/chaos: faults and malformed input on a cluster of real processes, for tests too. */
export { type ChaosOptions, runChaos } from './chaos-run.js';
export { type FuzzTls, tlsFrom } from './fuzz/fuzz-cluster.js';
export { type FuzzFigures, type FuzzOptions, runFuzz } from './fuzz/fuzz-run.js';
export { describeFuzz } from './fuzz/report.js';
export { Network, type NodePorts } from './network.js';
export { ciRun } from './options.js';
export type { Figures } from './report.js';
export { describeRun } from './report.js';
export { faultKinds } from './schedule.js';
