/** Forwarded calls and their answers between the host's types and the wire's. */
import {
  Code,
  CodecError,
  encodeForwardRequest,
  encodeForwardResponse,
  type ForwardResponse,
  Outcome,
} from '@cashe/codec';
import {
  ForwardedAdmin,
  ForwardedAdminAnswer,
  type GroupLeader,
  type Member,
  MemberRole,
} from '@cashe/proto';
import type {
  AdminAnswer,
  AdminCall,
  ForwardedAnswer,
  ForwardedCall,
  MemberView,
} from '../host/ports.js';
import { policyMessage, policyOf } from '../wire/access-policy.js';
import {
  changesMessage,
  changesOf,
  settingsMessage,
  settingsOf,
} from '../wire/cluster-settings.js';
import { tryDecode } from './errors.js';
import { asBuffer } from './raft-codec.js';

type AdminKind = NonNullable<ForwardedAdmin['kind']>;
type AdminAnswerKind = NonNullable<ForwardedAdminAnswer['kind']>;

/** The call with this stream's own transmission number in place of the caller's. */
export function encodeForwardedCall(call: ForwardedCall, transmission: number): Buffer {
  const { principal } = call;
  switch (call.kind) {
    case 'write': {
      const batch = { ...call.batch, transmission };
      return asBuffer(encodeForwardRequest({ kind: 'write', batch, principal }));
    }
    case 'read': {
      const batch = { ...call.batch, transmission };
      return asBuffer(encodeForwardRequest({ kind: 'read', batch, principal }));
    }
    case 'open': {
      const open = { ...call.open, transmission };
      return asBuffer(encodeForwardRequest({ kind: 'open', open, principal }));
    }
    case 'close': {
      const close = { ...call.close, transmission };
      return asBuffer(encodeForwardRequest({ kind: 'close', close, principal }));
    }
    case 'admin': {
      const kind = adminKind(call.call);
      const admin = { transmission, principal, remainingMs: call.remainingMs, kind };
      const bytes = ForwardedAdmin.encode(admin).finish();
      return asBuffer(encodeForwardRequest({ kind: 'admin', admin: bytes }));
    }
  }
}

/** The caller's own transmission number; admin calls have none. */
export function transmissionOf(call: ForwardedCall): number {
  switch (call.kind) {
    case 'write':
    case 'read':
      return call.batch.transmission;
    case 'open':
      return call.open.transmission;
    case 'close':
      return call.close.transmission;
    case 'admin':
      return 0;
  }
}

/** How long the caller still waits; undefined when the call does not say. */
export function remainingMsOf(call: ForwardedCall): number | undefined {
  switch (call.kind) {
    case 'write':
    case 'read':
      return call.batch.remainingMs;
    case 'open':
      return call.open.remainingMs;
    case 'close':
      return undefined;
    case 'admin':
      return call.remainingMs;
  }
}

/** The answer to a call that was certainly not sent: safe to repeat (R29). */
export function notForwarded(call: ForwardedCall, code: Code, message: string): ForwardedAnswer {
  const transmission = transmissionOf(call);
  switch (call.kind) {
    case 'write': {
      const refused = { code, outcome: Outcome.NOT_COMMITTED, message };
      return { kind: 'write', transmission, ...refused, firstRevision: 0, exceptions: [] };
    }
    case 'read': {
      const nothing = { revision: 0, ageMs: 0, results: [] };
      return { kind: 'read', transmission, code, message, ...nothing };
    }
    case 'open':
    case 'close':
      return { kind: 'session', transmission, code, message, session: 0 };
    case 'admin': {
      const outcome = Outcome.NOT_COMMITTED;
      return { kind: 'admin', result: 'refused', code, outcome, message };
    }
  }
}

/** Throws a CodecError when the bytes are no admin call. */
export function decodeAdminCall(bytes: Uint8Array): {
  readonly transmission: number;
  readonly call: Extract<ForwardedCall, { kind: 'admin' }>;
} {
  const admin = tryDecode(() => ForwardedAdmin.decode(bytes));
  if (admin instanceof CodecError) throw admin;
  const { transmission, principal, remainingMs, kind } = admin;
  if (kind === undefined) throw new CodecError('an admin call without a kind');
  return { transmission, call: { kind: 'admin', call: adminCall(kind), principal, remainingMs } };
}

/** The answer for a stream on which the call had this transmission number. */
export function encodeForwardedAnswer(answer: ForwardedAnswer, transmission: number): Buffer {
  if (answer.kind !== 'admin') {
    return asBuffer(encodeForwardResponse({ ...answer, transmission }));
  }
  const wire = ForwardedAdminAnswer.encode(adminAnswer(answer, transmission)).finish();
  return asBuffer(encodeForwardResponse({ kind: 'admin', admin: wire }));
}

/** Throws a CodecError when an admin answer is none. */
export function decodeForwardedAnswer(response: Exclude<ForwardResponse, { kind: 'hello' }>): {
  readonly transmission: number;
  readonly answer: ForwardedAnswer;
} {
  if (response.kind !== 'admin') {
    return { transmission: response.transmission, answer: response };
  }
  const wire = tryDecode(() => ForwardedAdminAnswer.decode(response.admin));
  if (wire instanceof CodecError) throw wire;
  return { transmission: wire.transmission, answer: adminAnswerOf(wire) };
}

function adminKind(call: AdminCall): AdminKind {
  switch (call.kind) {
    case 'listMembers':
      return { $case: 'listMembers', value: {} };
    case 'addMember': {
      const { kind: _, ...value } = call;
      return { $case: 'addMember', value };
    }
    case 'removeMember':
      return { $case: 'removeMember', value: { nodeId: call.nodeId } };
    case 'transferLeadership': {
      const { group, nodeId } = call;
      return { $case: 'transferLeadership', value: { group, nodeId } };
    }
    case 'getAccess':
      return { $case: 'getAccess', value: {} };
    case 'setAccess': {
      const { policy, expectedRevision } = call;
      return { $case: 'setAccess', value: { policy: policyMessage(policy), expectedRevision } };
    }
    case 'getSettings':
      return { $case: 'getSettings', value: {} };
    case 'changeSettings':
      return { $case: 'changeSettings', value: { changes: changesMessage(call.changes) } };
  }
}

function adminCall(kind: AdminKind): AdminCall {
  switch (kind.$case) {
    case 'listMembers':
      return { kind: 'listMembers' };
    case 'addMember':
      return { kind: 'addMember', ...kind.value };
    case 'removeMember':
      return { kind: 'removeMember', nodeId: kind.value.nodeId };
    case 'transferLeadership':
      return { kind: 'transferLeadership', group: kind.value.group, nodeId: kind.value.nodeId };
    case 'getAccess':
      return { kind: 'getAccess' };
    case 'setAccess': {
      const { policy, expectedRevision } = kind.value;
      return { kind: 'setAccess', policy: policyOf(present(policy)), expectedRevision };
    }
    case 'getSettings':
      return { kind: 'getSettings' };
    case 'changeSettings':
      return { kind: 'changeSettings', changes: changesOf(present(kind.value.changes)) };
  }
}

function present<T>(part: T | undefined): T {
  if (part === undefined) throw new CodecError('an admin message lacks its body');
  return part;
}

function adminAnswer(answer: AdminAnswer, transmission: number): ForwardedAdminAnswer {
  const kind = adminAnswerKind(answer);
  if (answer.result === 'refused') {
    const { code, message, outcome } = answer;
    return { transmission, code, message, outcome, kind };
  }
  return { transmission, code: Code.OK, message: '', outcome: Outcome.COMMITTED, kind };
}

function adminAnswerKind(answer: AdminAnswer): AdminAnswerKind | undefined {
  switch (answer.result) {
    case 'access': {
      const { policy, revision } = answer;
      return { $case: 'getAccess', value: { revision, policy: policyMessage(policy) } };
    }
    case 'accessSet':
      return { $case: 'setAccess', value: { revision: answer.revision } };
    case 'settings': {
      const { revision, settings } = answer;
      return { $case: 'getSettings', value: { revision, settings: settingsMessage(settings) } };
    }
    case 'refused':
      return undefined;
    case 'members':
      return { $case: 'listMembers', value: { members: answer.members.map(toMember) } };
    case 'added': {
      const { clusterId, replicaId, genesisRecord } = answer;
      const members = answer.members.map(toMember);
      return { $case: 'addMember', value: { clusterId, replicaId, genesisRecord, members } };
    }
    case 'removed':
      return { $case: 'removeMember', value: {} };
    case 'transferred': {
      const { group, term, nodeId, clientAddress } = answer;
      const leader: GroupLeader = { group, term, nodeId, clientAddress };
      return { $case: 'transferLeadership', value: { leader } };
    }
  }
}

function adminAnswerOf(wire: ForwardedAdminAnswer): AdminAnswer {
  const { kind, code, outcome, message } = wire;
  if (code !== Code.OK) return { kind: 'admin', result: 'refused', code, outcome, message };
  switch (kind?.$case) {
    case 'listMembers':
      return { kind: 'admin', result: 'members', members: kind.value.members.map(fromMember) };
    case 'addMember': {
      const { clusterId, replicaId, genesisRecord } = kind.value;
      const members = kind.value.members.map(fromMember);
      return { kind: 'admin', result: 'added', clusterId, replicaId, genesisRecord, members };
    }
    case 'removeMember':
      return { kind: 'admin', result: 'removed' };
    case 'transferLeadership': {
      const { leader } = kind.value;
      if (leader === undefined) throw new CodecError('a hand-over without leader');
      return { kind: 'admin', result: 'transferred', ...leader };
    }
    case 'getAccess': {
      const { revision, policy } = kind.value;
      return { kind: 'admin', result: 'access', policy: policyOf(present(policy)), revision };
    }
    case 'setAccess':
      return { kind: 'admin', result: 'accessSet', revision: kind.value.revision };
    case 'getSettings': {
      const { revision, settings } = kind.value;
      return { kind: 'admin', result: 'settings', settings: settingsOf(settings), revision };
    }
    default:
      throw new CodecError('an admin answer without a kind');
  }
}

const roleNumber = {
  none: MemberRole.UNSPECIFIED,
  voter: MemberRole.VOTER,
  learner: MemberRole.LEARNER,
} as const satisfies Record<MemberView['role'], MemberRole>;

function toMember(view: MemberView): Member {
  return { ...view, role: roleNumber[view.role] };
}

function fromMember(member: Member): MemberView {
  const { role } = member;
  if (role === MemberRole.VOTER) return { ...member, role: 'voter' };
  if (role === MemberRole.LEARNER) return { ...member, role: 'learner' };
  return { ...member, role: 'none' };
}
