/** What a node does about its own membership: keep its record true, hand over, leave. */
import { FORMAT_VERSION } from '@cashe/codec';
import type { Cluster, Logger, NodeCalls } from '../host/index.js';
import type { LocalIdentity } from '../rpc/index.js';
import { realClock, realScheduler } from './real-ports.js';

const UPDATE_MS = 5_000;
const LEAVE_MS = 60_000;
/** Longest wait for another leader while stopping. */
const HAND_OVER_MS = 2_000;
/** A voter that answered within this is worth handing over to. */
const ALIVE_TICKS = 20;

/** A restart may have changed the addresses that group 0 knows. */
export function keepRecordCurrent(calls: NodeCalls, own: LocalIdentity, log: Logger): void {
  let busy = false;
  const check = (): void => {
    const { clusterId, members } = calls.topology();
    const record = members.find((member) => member.nodeUid === own.nodeUid);
    const { nodeId, nodeUid, clientAddress, raftAddress } = own;
    if (busy || !calls.serving() || record === undefined || record.leaving) return;
    if (record.clientAddress === clientAddress && record.raftAddress === raftAddress) return;
    busy = true;
    const node = { nodeId, nodeUid, clientAddress, raftAddress, clusterId };
    const call = { kind: 'addMember', ...node, formatVersionMax: FORMAT_VERSION } as const;
    calls.admin({ ...call, rejoin: false }, 'anonymous', UPDATE_MS, (answer) => {
      busy = false;
      if (answer.result !== 'refused')
        log.info('addresses updated', { clientAddress, raftAddress });
      else log.warn('addresses not updated', { reason: answer.message });
    });
  };
  calls.onServing(check);
  calls.onTopology(check);
}

/** Asks the leader to remove this node; rejects with the reason when it may not go. */
export function leaveCluster(calls: NodeCalls, nodeId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    calls.admin({ kind: 'removeMember', nodeId }, 'anonymous', LEAVE_MS, (answer) => {
      if (answer.result === 'removed') resolve();
      else reject(new Error(answer.result === 'refused' ? answer.message : 'not removed'));
    });
  });
}

/** Moves what this node leads to the voter that is furthest, bounded in time. */
export async function handOver(
  cluster: Cluster,
  calls: NodeCalls,
  deadlineMs: number,
  log: Logger,
): Promise<void> {
  const leading = (): boolean => [...cluster.host.replicas.values()].some((one) => one.leads);
  let started = false;
  for (const replica of cluster.host.replicas.values()) {
    if (!replica.leads) continue;
    const voters = replica.raft.status().progress.filter((peer) => !peer.learner);
    const alive = voters.filter((peer) => peer.silentTicks < ALIVE_TICKS);
    const best = alive.sort((a, b) => b.matchIndex - a.matchIndex)[0];
    if (best === undefined) continue;
    started = replica.raft.transferLeadership(best.replicaId) === 'started' || started;
  }
  if (!started) return;
  cluster.host.wake();
  const waitMs = Math.min(HAND_OVER_MS, deadlineMs - realClock.nowMs());
  await new Promise<void>((resolve) => {
    const end = (): void => {
      timer.cancel();
      unsubscribe();
      resolve();
    };
    const unsubscribe = calls.onLeader((leader) => {
      if (!leading() && leader.nodeId !== '') end();
    });
    const timer = realScheduler.after(Math.max(0, waitMs), end);
  });
  log.info('leadership handed over', { complete: !leading() });
}
