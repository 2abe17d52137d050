/**
 * Adds a node by its raft address (R25): asks there who it is, has the leader admit it as any
 * joiner, and hands it the genesis record. Whatever breaks in between, asking again goes on from
 * there: admission is idempotent, and the node keeps what it was handed before it answers.
 */
import { Code, Outcome } from '@cashe/codec';
import { parseAddress } from '../config/address.js';
import type { Calls } from '../host/index.js';
import type { AdminAnswer, AdminCall } from '../host/ports.js';
import {
  type Admitting,
  type Introduced,
  type Introducing,
  IntroductionError,
} from '../rpc/index.js';
import { cacheSettings } from '../wire/cluster-settings.js';
import { type AdmissionContext, pause } from './admission.js';
import { recordsOf } from './records.js';

/** Longest wait for one answer of the node. */
const ASK_MS = 5_000;
/** Pause before it is told again. */
const RETRY_MS = 200;

interface AddingPorts extends Pick<AdmissionContext, 'scheduler' | 'random' | 'signal'> {
  readonly calls: Calls;
  readonly nowMs: () => number;
  /** Encoded GenesisRecord of this node's cluster; undefined: it has none yet. */
  readonly genesisRecord: () => Uint8Array | undefined;
  introduce(address: string, request: Introducing, timeoutMs: number): Promise<Introduced>;
  admit(address: string, request: Admitting, timeoutMs: number): Promise<void>;
}

interface Added {
  readonly nodeId: string;
  readonly raftAddress: string;
}

type AddMember = Extract<AdminCall, { kind: 'addMember' }>;

export async function addByAddress(
  ports: AddingPorts,
  added: Added,
  principal: string,
  remainingMs: number,
): Promise<AdminAnswer> {
  const { calls } = ports;
  const deadlineMs = ports.nowMs() + remainingMs;
  const hello = calls.hello();
  const genesisRecord = ports.genesisRecord();
  const { settings } = calls.status();
  if (hello === undefined || genesisRecord === undefined) {
    return refused(Code.UNAVAILABLE, 'this node does not belong to a cluster yet');
  }
  // Before anything is dialled for somebody who may not add members.
  const denied = calls.checkNodeAdmin(principal, 'addMember');
  if (denied !== undefined) return refused(denied.code, denied.message);
  const { nodeId, raftAddress } = added;
  const cache = settings && cacheSettings(settings);
  const request = { nodeId, genesisRecord, cache };
  const timeoutMs = Math.min(ASK_MS, remainingMs);
  const found = await answered(ports.introduce(raftAddress, request, timeoutMs));
  if (typeof found === 'string') {
    return refused(Code.UNAVAILABLE, `no node answers at ${raftAddress} (${found})`);
  }
  const problem = refusalOf(found, added, hello.clusterId);
  if (problem !== undefined) return problem;
  const leftMs = Math.max(0, deadlineMs - ports.nowMs());
  const call = addMemberCall(found, hello.clusterId);
  const answer = await new Promise<AdminAnswer>((resolve) => {
    calls.admin(call, principal, leftMs, resolve);
  });
  if (answer.result !== 'added' || found.clusterId === hello.clusterId) return answer;
  const members = recordsOf(answer.members);
  const { nodeUid } = found;
  const admission = { nodeId, nodeUid, replicaId: answer.replicaId, genesisRecord, members };
  const untold = await tell(ports, raftAddress, admission, deadlineMs);
  return untold === undefined ? answer : notTold(nodeId, untold);
}

function addMemberCall(found: Introduced, clusterId: string): AddMember {
  const { nodeId, nodeUid, clientAddress, raftAddress, formatVersionMax } = found;
  const node = { nodeId, nodeUid, clientAddress, raftAddress, formatVersionMax };
  return { kind: 'addMember', ...node, clusterId, rejoin: false };
}

/** Why the node that answered is not admitted; undefined: it may be. */
function refusalOf(found: Introduced, added: Added, clusterId: string): AdminAnswer | undefined {
  const { nodeId, raftAddress } = added;
  const bad = (message: string): AdminAnswer => refused(Code.INVALID_ARGUMENT, message);
  if (found.nodeId !== nodeId) return bad(`${raftAddress} is node ${found.nodeId}, not ${nodeId}`);
  if (!/^[0-9a-f]{32}$/.test(found.nodeUid)) return bad(`${raftAddress} has no nodeUid`);
  for (const address of [found.clientAddress, found.raftAddress]) {
    const parsed = parseAddress(address, 'advertise');
    if (!parsed.ok) return bad(`the address that node ${nodeId} tells: ${parsed.problem}`);
  }
  if (found.clusterId === clusterId) return undefined;
  if (found.clusterId !== '') {
    const message = `node ${nodeId} belongs to cluster ${found.clusterId}, this is ${clusterId}`;
    return refused(Code.CLUSTER_MISMATCH, message);
  }
  if (!found.waiting) {
    return bad(`node ${nodeId} does not wait to be added: start it with --wait-for-join`);
  }
  return found.problem === '' ? undefined : bad(`node ${nodeId}: ${found.problem}`);
}

/** Tells the node until it has it or the time is over; undefined: it has it. */
async function tell(
  ports: AddingPorts,
  address: string,
  admission: Admitting,
  deadlineMs: number,
): Promise<string | undefined> {
  for (;;) {
    const leftMs = deadlineMs - ports.nowMs();
    const timeoutMs = Math.max(1, Math.min(ASK_MS, leftMs));
    const told = ports.admit(address, admission, timeoutMs).then(() => undefined);
    const reason = await answered(told);
    if (reason === undefined || leftMs <= RETRY_MS || ports.signal.aborted) return reason;
    await pause(ports, RETRY_MS, ports.signal);
  }
}

/** What was answered, or why nothing was. */
async function answered<T>(call: Promise<T>): Promise<T | string> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof IntroductionError) return error.message;
    throw error;
  }
}

function refused(code: Code, message: string): AdminAnswer {
  return { kind: 'admin', result: 'refused', code, outcome: Outcome.NOT_COMMITTED, message };
}

function notTold(nodeId: string, reason: string): AdminAnswer {
  const message = `the cluster admitted node ${nodeId}, which could not be told (${reason})`;
  const code = Code.UNAVAILABLE;
  const outcome = Outcome.UNKNOWN;
  return { kind: 'admin', result: 'refused', code, outcome, message: `${message}: ask again` };
}
