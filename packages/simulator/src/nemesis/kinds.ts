/** Every kind of fault the nemesis knows; a seed enables some of them. */
const networkFaultKinds = [
  'isolateAny',
  'isolateLeader',
  'halves',
  'bridge',
  'ring',
  'oneWay',
  'badNetwork',
  'clog',
  'dropClass',
  'staleReplay',
] as const;

const diskFaultKinds = [
  'slowDisk',
  'slowFollowers',
  'writeError',
  'syncError',
  'readError',
  'diskFull',
  'bitFlip',
  'truncation',
  'snapshotBitFlip',
] as const;

const processFaultKinds = [
  'crashAny',
  'crashLeader',
  'crashMajority',
  'crashAll',
  'powerLoss',
  'pause',
  'pauseLeader',
  'stall',
  'transfer',
] as const;

const clockFaultKinds = ['wallJump', 'wallFreeze', 'drift', 'suspend'] as const;

const momentFaultKinds = [
  'crashAfterVote',
  'crashNewLeader',
  'isolateNewLeader',
  'crashAfterAppend',
  'crashAfterAck',
  'pauseAfterReadAck',
  'lateReadAcks',
  'crashSnapshotSender',
  'crashSnapshotReceiver',
  'cutSnapshot',
] as const;

export type NetworkFaultKind = (typeof networkFaultKinds)[number];
export type DiskFaultKind = (typeof diskFaultKinds)[number];
export type ProcessFaultKind = (typeof processFaultKinds)[number];
export type ClockFaultKind = (typeof clockFaultKinds)[number];
export type MomentFaultKind = (typeof momentFaultKinds)[number];

export type FaultKind =
  | NetworkFaultKind
  | DiskFaultKind
  | ProcessFaultKind
  | ClockFaultKind
  | MomentFaultKind;

export const faultKinds: readonly FaultKind[] = [
  ...networkFaultKinds,
  ...diskFaultKinds,
  ...processFaultKinds,
  ...clockFaultKinds,
  ...momentFaultKinds,
];
