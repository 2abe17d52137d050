/** Checks of the Cluster service's arguments: the message names the field and what is allowed. */
import {
  ACCESS_POLICY_BYTES_MAX,
  ADDRESS_BYTES_MAX,
  accessPolicyBytes,
  CodecError,
  NODE_ID_BYTES_MAX,
} from '@cashe/codec';
import type {
  AddMemberRequest,
  ChangeSettingsRequest,
  RemoveMemberRequest,
  SetAccessRequest,
  TransferLeadershipRequest,
} from '@cashe/proto';
import { parseAddress } from '../config/address.js';
import type { AdminCall } from '../host/ports.js';
import { policyOf } from '../wire/access-policy.js';
import { changesOf } from '../wire/cluster-settings.js';
import { invalidArgument } from './failure.js';

type CallOf<Kind extends AdminCall['kind']> = Extract<AdminCall, { kind: Kind }>;

export function addMemberCall(request: AddMemberRequest): CallOf<'addMember'> {
  const { nodeId, nodeUid, clientAddress, raftAddress, formatVersionMax, clusterId } = request;
  requireNodeId(nodeId);
  requireIdentity('node_uid', nodeUid);
  if (clusterId !== '') requireIdentity('cluster_id', clusterId);
  requireAddress('client_address', clientAddress);
  requireAddress('raft_address', raftAddress);
  if (formatVersionMax < 1) {
    throw invalidArgument(`format_version_max is ${formatVersionMax}; at least 1 is allowed`);
  }
  return {
    kind: 'addMember',
    nodeId,
    nodeUid,
    clientAddress,
    raftAddress,
    formatVersionMax,
    clusterId,
    rejoin: request.rejoin,
  };
}

export function removeMemberCall({ nodeId }: RemoveMemberRequest): CallOf<'removeMember'> {
  requireNodeId(nodeId);
  return { kind: 'removeMember', nodeId };
}

export function transferCall(
  { group, nodeId }: TransferLeadershipRequest,
  groupCount: number,
): CallOf<'transferLeadership'> {
  if (group >= groupCount) {
    throw invalidArgument(`group is ${group}; 0 to ${groupCount - 1} are allowed`);
  }
  if (nodeId !== '') requireNodeId(nodeId);
  return { kind: 'transferLeadership', group, nodeId };
}

export function setAccessCall(request: SetAccessRequest): CallOf<'setAccess'> {
  const { policy: message, expectedRevision } = request;
  if (message === undefined) throw invalidArgument('policy is missing');
  if (expectedRevision < 1) {
    const wayOut = 'state the revision that GetAccess told';
    throw invalidArgument(`expected_revision is ${expectedRevision}; ${wayOut}`);
  }
  const policy = translated(() => policyOf(message));
  const bytes = accessPolicyBytes(policy);
  if (bytes > ACCESS_POLICY_BYTES_MAX) {
    throw invalidArgument(`policy has ${bytes} bytes, more than ${ACCESS_POLICY_BYTES_MAX}`);
  }
  return { kind: 'setAccess', policy, expectedRevision };
}

export function changeSettingsCall(request: ChangeSettingsRequest): CallOf<'changeSettings'> {
  const { changes: message } = request;
  if (message === undefined) throw invalidArgument('changes is missing');
  return { kind: 'changeSettings', changes: translated(() => changesOf(message)) };
}

function translated<T>(translate: () => T): T {
  try {
    return translate();
  } catch (error) {
    if (error instanceof CodecError) throw invalidArgument(error.message);
    throw error;
  }
}

const nodeIdPattern = new RegExp(`^[A-Za-z0-9._-]{1,${NODE_ID_BYTES_MAX}}$`);
const identityPattern = /^[0-9a-f]{32}$/;

function requireNodeId(nodeId: string): void {
  if (nodeIdPattern.test(nodeId)) return;
  const allowed = `1 to ${NODE_ID_BYTES_MAX} of A-Z a-z 0-9 . _ - are allowed`;
  throw invalidArgument(`node_id is ${shown(nodeId)}; ${allowed}`);
}

function requireIdentity(field: string, value: string): void {
  if (identityPattern.test(value)) return;
  throw invalidArgument(`${field} is ${shown(value)}; 32 lower-case hex digits are allowed`);
}

function requireAddress(field: string, value: string): void {
  if (value.length > ADDRESS_BYTES_MAX) {
    throw invalidArgument(`${field} is longer than ${ADDRESS_BYTES_MAX} bytes`);
  }
  const parsed = parseAddress(value, 'advertise');
  if (!parsed.ok) throw invalidArgument(`${field}: ${parsed.problem}`);
}

const shownCharactersMax = 80;

function shown(value: string): string {
  const text = JSON.stringify(value);
  return text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax)}…` : text;
}
