import type { ByteBudget } from '../byte-budget.js';
import type { Gate } from '../gate.js';
import type { RestLimits } from '../limits.js';
import type { RestPorts } from '../ports.js';

export interface CompatOptions {
  readonly ports: RestPorts;
  readonly gate: Gate;
  readonly limits: RestLimits;
  readonly budget: ByteBudget;
}
