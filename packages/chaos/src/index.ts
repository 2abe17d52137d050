/** @cashe/chaos: faults on a cluster of real processes, for tests too. */
export { type ChaosOptions, runChaos } from './chaos-run.js';
export { Network, type NodePorts } from './network.js';
export { ciRun } from './options.js';
export type { Figures } from './report.js';
export { describeRun } from './report.js';
export { faultKinds } from './schedule.js';
