/** What a node does about its own membership: keep its record true, hand over, leave. */
import { FORMAT_VERSION, Outcome } from '@cashe/codec';
import type { RaftCore, RaftStatus, ReplicaId } from '@cashe/raft';
import type { ExitReason } from '../config/options.js';
import type { Logger, NodeCalls } from '../host/index.js';
import type { AdminAnswer } from '../host/ports.js';
import type { LocalIdentity } from '../rpc/index.js';
import { type Pausing, pause } from './admission.js';
import { realClock, realScheduler } from './real-ports.js';

const UPDATE_MS = 5_000;
const UPDATE_AGAIN_MS = 10_000;
const LEAVE_MS = 60_000;
/** Longest wait to hear of the own removal when the answer to it was lost. */
const GONE_NOTICE_MS = 15_000;
/** Longest wait for another leader while stopping. */
const HAND_OVER_MS = 2_000;
const HAND_OVER_STEP_MS = 10;
/** A voter that answered within this is worth handing over to. */
const ALIVE_TICKS = 20;

/** A restart may have changed the addresses that group 0 knows; tried until it knows them. */
export function keepRecordCurrent(
  calls: Pick<NodeCalls, 'admin' | 'serving' | 'topology' | 'onServing' | 'onTopology'>,
  own: LocalIdentity,
  log: Logger,
  pausing: Pausing,
): void {
  let busy = false;
  const check = (): void => {
    const { clusterId, members } = calls.topology();
    const record = members.find((member) => member.nodeUid === own.nodeUid);
    const { nodeId, nodeUid, clientAddress, raftAddress } = own;
    if (pausing.signal.aborted || busy || !calls.serving()) return;
    if (record === undefined || record.leaving) return;
    if (record.clientAddress === clientAddress && record.raftAddress === raftAddress) return;
    busy = true;
    const node = { nodeId, nodeUid, clientAddress, raftAddress, clusterId };
    const call = { kind: 'addMember', ...node, formatVersionMax: FORMAT_VERSION } as const;
    calls.admin({ ...call, rejoin: false }, `node/${nodeId}`, UPDATE_MS, (answer) => {
      if (answer.result !== 'refused') {
        busy = false;
        log.info('addresses updated', { clientAddress, raftAddress });
        return;
      }
      log.warn('addresses not updated', { reason: answer.message });
      void pause(pausing, UPDATE_AGAIN_MS, pausing.signal).then(() => {
        busy = false;
        check();
      });
    });
  };
  calls.onServing(check);
  calls.onTopology(check);
}

/**
 * Asks the leader to remove this node; rejects with the reason when it may not go. The answer can
 * be lost, since a removed node is cut off: then it hears that it is gone, and ends (R8).
 */
export async function leaveCluster(
  calls: Pick<NodeCalls, 'admin'>,
  nodeId: string,
  closed: Promise<ExitReason>,
): Promise<void> {
  const asked = new Promise<AdminAnswer>((resolve) => {
    calls.admin({ kind: 'removeMember', nodeId }, `node/${nodeId}`, LEAVE_MS, resolve);
  });
  // A node whose disk fails meanwhile ends without an answer.
  const answer = await Promise.race([asked, closed]);
  if (answer.kind !== 'admin') {
    if (answer.kind === 'removed') return;
    throw new Error('the node ended before it was removed');
  }
  if (answer.result === 'removed') return;
  if (answer.result !== 'refused') throw new Error('not removed');
  const isUnknown = answer.outcome === Outcome.UNKNOWN;
  if (isUnknown && (await endOf(closed, GONE_NOTICE_MS))?.kind === 'removed') return;
  throw new Error(answer.message);
}

/** Undefined when it does not come in time. */
function endOf(closed: Promise<ExitReason>, withinMs: number): Promise<ExitReason | undefined> {
  return new Promise((resolve) => {
    const timer = realScheduler.after(withinMs, () => resolve(undefined));
    void closed.then((reason) => {
      timer.cancel();
      resolve(reason);
    });
  });
}

/** What handing over needs of the host. */
interface LeadingHost {
  readonly replicas: ReadonlyMap<number, LeadingReplica>;
  wake(): void;
}

interface LeadingReplica {
  readonly leads: boolean;
  readonly leaderId: ReplicaId;
  readonly raft: Pick<RaftCore, 'transferLeadership'> & {
    status(): Pick<RaftStatus, 'replicaId' | 'configuration' | 'progress'>;
  };
}

interface HandOverOptions {
  /** Whether messages to the replica can leave now. */
  isConnected(replicaId: ReplicaId): boolean;
  readonly deadlineMs: number;
  readonly log: Logger;
}

/**
 * Moves what this node leads to the voter that is furthest. Ends when others lead, when nobody is
 * there who could (the last node of a cluster that stops), or with the time.
 */
export async function handOver(host: LeadingHost, options: HandOverOptions): Promise<void> {
  const led = [...host.replicas.values()].filter((one) => one.leads && otherVoters(one).length > 0);
  if (led.length === 0) return;
  const untilMs = Math.min(realClock.nowMs() + HAND_OVER_MS, options.deadlineMs);
  await new Promise<void>((resolve) => {
    const step = (): void => {
      const open = led.filter((replica) => !isTaken(replica) && offer(replica, options));
      host.wake();
      if (open.length > 0 && realClock.nowMs() < untilMs) return;
      timer.cancel();
      resolve();
    };
    const timer = realScheduler.every(HAND_OVER_STEP_MS, step);
    step();
  });
  options.log.info('leadership handed over', { complete: led.every(isTaken) });
}

/** Another replica leads now. */
function isTaken(replica: LeadingReplica): boolean {
  return !replica.leads && replica.leaderId !== 0;
}

/** Asks the best voter to take over; false when there is none to wait for. */
function offer(replica: LeadingReplica, { isConnected }: HandOverOptions): boolean {
  if (!replica.leads) return otherVoters(replica).some(isConnected);
  const best = replica.raft
    .status()
    .progress.filter((peer) => !peer.learner && peer.silentTicks < ALIVE_TICKS)
    .filter((peer) => isConnected(peer.replicaId))
    .sort((a, b) => b.matchIndex - a.matchIndex)[0];
  if (best === undefined) return false;
  // 'pending' while an earlier offer has not timed out.
  replica.raft.transferLeadership(best.replicaId);
  return true;
}

function otherVoters(replica: LeadingReplica): readonly ReplicaId[] {
  const { configuration, replicaId } = replica.raft.status();
  return configuration.voters.filter((voter) => voter !== replicaId);
}
