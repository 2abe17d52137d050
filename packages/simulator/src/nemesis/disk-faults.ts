/** What a disk does wrong; never more than a quorum of correct disks survives. */
import type { DamageKind } from '../damage.js';
import type { DiskOperation } from '../disk-faults.js';
import { SimulationFailure } from '../failure.js';
import type { SimulatedNode } from '../simulated-node.js';
import { crash, type Fault, type FaultContext, startAgain } from './context.js';
import type { DiskFaultKind } from './kinds.js';

const SLOW_SYNC_MS_MAX = 2_500;
const SLOW_MS_MAX = 4_000;
const FULL_MS_MAX = 4_000;
const DOWN_MS_MAX = 1_500;
const REPAIR_MS_MAX = 3_000;
/** Operations that may go well before one fails. */
const SKIPS_MAX = 4;
/** R39: a node whose log could not be written or synced is gone by then. */
const STOP_WITHIN_MS = 200;

function slowDisk({ random, later }: FaultContext, nodes: readonly SimulatedNode[]): boolean {
  for (const node of nodes) {
    node.slowSyncMs = random.between(10, SLOW_SYNC_MS_MAX);
    later(SLOW_MS_MAX, () => {
      node.slowSyncMs = 0;
    });
  }
  return nodes.length > 0;
}

/** One call fails; the node stops, or did not need what failed. It is started again later. */
function fail(context: FaultContext, operation: DiskOperation): boolean {
  const { world, random, any, later } = context;
  const { diskFaults } = any;
  diskFaults.onReport = ({ path }) => {
    world.trace(() => `${any.nodeId}: ${operation} of ${path} fails`);
    if (operation !== 'read' && path.includes('/wal/')) mustStop(context, any);
    later(DOWN_MS_MAX, () => startAgain(any));
  };
  diskFaults.arm(operation, random.below(SKIPS_MAX));
  return true;
}

function mustStop({ world }: FaultContext, node: SimulatedNode): void {
  const alive = node.alive();
  // Through the node's own loop: a paused process stops when it goes on.
  node.enter(() => {
    world.time.after(STOP_WITHIN_MS, () => {
      node.enter(() => {
        if (!alive() || !node.isUp || node.isEnding) return;
        const text = `${node.nodeId} goes on after its log could not be written (R39)`;
        world.fail(new SimulationFailure('safety', text));
      });
    });
  });
}

/**
 * Damages what was durable, on fewer than half of the disks at a time: the node must refuse to
 * open (R37). Its data are restored, as they were, later or when everything is healed.
 */
function damageDisk(context: FaultContext, kind: DamageKind): boolean {
  const { world, random, any, later } = context;
  const damaged = world.nodes.filter((node) => node.damagedBy !== undefined).length;
  if (any.damagedBy !== undefined || !any.isUp) return false;
  if (2 * (damaged + 1) >= world.nodes.length && world.nodes.length > 1) return false;
  crash(context, any, random.pick([0, 0.5, 1]));
  const what = any.damage(kind, random);
  if (what === undefined) return true;
  world.trace(() => `${any.nodeId}: ${what}`);
  later(2 * REPAIR_MS_MAX, () => repair(any));
  return true;
}

/** The data come back from where they were intact. */
export function repair(node: SimulatedNode): void {
  if (node.damagedBy === undefined) return;
  node.repair();
  startAgain(node);
}

export const diskFaults: Readonly<Record<DiskFaultKind, Fault>> = {
  slowDisk: (context) => slowDisk(context, [context.any]),
  slowFollowers: (context) =>
    slowDisk(
      context,
      context.world.nodes.filter((node) => node !== context.leader),
    ),
  writeError: (context) => fail(context, 'write'),
  syncError: (context) => fail(context, 'sync'),
  readError: (context) => fail(context, 'read'),
  diskFull: ({ any, later }) => {
    any.diskFaults.isFull = true;
    later(FULL_MS_MAX, () => {
      any.diskFaults.isFull = false;
      startAgain(any);
    });
    return true;
  },
  bitFlip: (context) => damageDisk(context, 'bitFlip'),
  truncation: (context) => damageDisk(context, 'truncation'),
  snapshotBitFlip: (context) => damageDisk(context, 'snapshotBitFlip'),
};
