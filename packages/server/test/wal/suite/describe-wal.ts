/**
 * What every implementation of the `Wal` port must do when the power goes, bytes change, the disk
 * is full or a sync fails (R37, R39): after a power loss it holds everything acknowledged and at
 * most the append in flight, whole; damage it drops only at the very end (where it cannot be told
 * from a torn write) and refuses everywhere else, naming file and offset; a failure is final.
 */
import { afterAll, beforeAll, describe } from '@jest/globals';
import { describeWalDamage } from './describe-wal-damage.js';
import { describeWalFaults } from './describe-wal-faults.js';
import { describeWalPowerLoss } from './describe-wal-power-loss.js';
import { WalBench, type WalImplementation } from './wal-bench.js';

export function describeWal(name: string, implementation: WalImplementation): void {
  const bench = new WalBench(implementation);
  describe(name, () => {
    beforeAll(() => bench.setUp());
    afterAll(() => bench.tearDown());
    describeWalPowerLoss(bench);
    describeWalDamage(bench);
    describeWalFaults(bench);
  });
}
