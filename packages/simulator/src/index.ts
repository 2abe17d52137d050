export {
  checkExactlyOnce,
  type ExactlyOnceResult,
  type ExactlyOnceViolation,
} from './checker/exactly-once.js';
export {
  describeOps,
  History,
  type HistoryCall,
  type HistoryKind,
  type HistoryOp,
  type HistoryOutcome,
  type HistoryResult,
  type HistoryReturn,
  type TtlBounds,
} from './checker/history.js';
export {
  checkLinearizability,
  type LinearizabilityLimits,
  type LinearizabilityResult,
  type LinearizabilityViolation,
  linearizabilityLimits,
} from './checker/linearizability.js';
export { SimulationFailure } from './failure.js';
export { SeededRandom } from './random.js';
export { lineOf, runSeed, type SeedResult } from './run.js';
export type { SimulationResult, Tracer } from './simulation.js';
