/**
 * Who may do what, at the node that serves it (R40). Decided with the policy this node has applied,
 * anew for every batch and call, so that a change is in force on streams that are open already.
 * Forwarded calls carry the principal: the peer port takes nobody but nodes.
 */
import {
  AccessChecks,
  type AccessPolicy,
  type AccessRight,
  Code,
  isOpenPolicy,
  missingRight,
  type Op,
  openPolicy,
  type RefusedOp,
  type Rights,
} from '@cashe/codec';
import type { AdminCall } from './ports.js';

/** What a line of the audit log tells. */
export interface AuditEvent {
  readonly principal: string;
  /** `read`, `write`, `session`, or the name of a call. */
  readonly action: string;
  /** The (first) key, or what else the call is about; the log shortens it. */
  readonly target: string;
  /** How many ops of one batch this tells of. */
  readonly ops: number;
  readonly outcome: 'allowed' | 'denied' | 'done' | 'failed' | 'unauthenticated';
}

/** Where enforcement is told of; must not throw. */
export interface AccessAudit {
  /** Whether reads and writes that are allowed are told too. */
  readonly withDataOps: boolean;
  record(event: AuditEvent): void;
}

export const noAudit: AccessAudit = { withDataOps: false, record: () => undefined };

/** What a node knows about access before it belongs to a cluster. */
export interface AccessPorts {
  /** Whether clients and peers can prove who they are by certificate. */
  readonly tlsOn: boolean;
  readonly audit: AccessAudit;
}

/** Ops of a batch that passed the decoder, and those that were refused (R13). */
interface CheckedOps {
  /** undefined where there is a verdict. */
  readonly ops: readonly (Op | undefined)[];
  /** Ascending by index. */
  readonly verdicts: readonly RefusedOp[];
}

export interface AccessRefusal {
  readonly code: Code;
  readonly message: string;
}

export class AccessGuard {
  /** The policy applied here. */
  readonly policy: () => AccessPolicy;
  readonly #audit: AccessAudit;
  readonly #tlsOn: boolean;
  readonly #checks: AccessChecks;
  #seen: AccessPolicy = openPolicy;
  #isOpen = true;

  /** `policy` answers with the same object until the policy changes. */
  constructor(policy: () => AccessPolicy, { tlsOn, audit }: AccessPorts) {
    this.policy = policy;
    this.#audit = audit;
    this.#tlsOn = tlsOn;
    this.#checks = new AccessChecks(tlsOn);
  }

  /** The batch itself, or with a verdict for each op that the principal may not do. */
  checkOps(principal: string, right: 'read' | 'write', batch: CheckedOps): CheckedOps {
    const rights = this.#dataRightsOf(principal);
    if (rights === undefined && !this.#audit.withDataOps) return batch;
    const checked = rights === undefined ? batch : withDenials(batch, principal, right, rights);
    if (checked !== batch || this.#audit.withDataOps) {
      this.#tell(principal, right, batch.ops, checked.ops);
    }
    return checked;
  }

  /** The same for a batch of writes that is about to be proposed. */
  permit<Write extends CheckedOps & { readonly principal: string }>(write: Write): Write {
    const checked = this.checkOps(write.principal, 'write', write);
    return checked === write ? write : { ...write, ...checked };
  }

  /** Why the principal may not open a session, which is for writing; undefined: it may. */
  checkOpen(principal: string): string | undefined {
    const rights = this.#dataRightsOf(principal);
    if (rights === undefined || rights.allowsSome('write')) return undefined;
    this.#audit.record({ principal, action: 'session', target: '', ops: 0, outcome: 'denied' });
    return denial(principal, 'write on some prefix');
  }

  /** The same for seeing the members and the state of the cluster. */
  checkView(principal: string, action: string): AccessRefusal | undefined {
    if (principal !== 'anonymous') return undefined;
    const rights = this.#rightsOf(principal);
    if (VIEWING.some((right) => rights.allowsSome(right))) return undefined;
    this.#audit.record({ principal, action, target: '', ops: 0, outcome: 'denied' });
    const message = 'anonymous callers may not see this cluster: use a certificate or a token';
    return { code: Code.PERMISSION_DENIED, message };
  }

  /** The same for a call about the members, leadership, settings or access. */
  checkAdmin(principal: string, call: AdminCall): AccessRefusal | undefined {
    if (call.kind === 'listMembers') return this.checkView(principal, call.kind);
    const rights = this.#rightsOf(principal);
    if (rights.allows('admin', '')) return undefined;
    if (rights.allows('node', '') && isNodesOwn(principal, call, this.#tlsOn)) return undefined;
    this.adminEnded(principal, call, 'denied');
    return adminDenial(principal);
  }

  /** The same for what changes this node alone. */
  checkNodeAdmin(principal: string, action: string): AccessRefusal | undefined {
    const isAllowed = this.#rightsOf(principal).allows('admin', '');
    const outcome = isAllowed ? 'allowed' : 'denied';
    this.#audit.record({ principal, action, target: '', ops: 0, outcome });
    return isAllowed ? undefined : adminDenial(principal);
  }

  /** Tells of a change that was asked for. */
  adminEnded(principal: string, call: AdminCall, outcome: AuditEvent['outcome']): void {
    const isChange = call.kind !== 'listMembers' && call.kind !== 'getSettings';
    if (!isChange && outcome !== 'denied') return;
    this.#audit.record({ principal, action: call.kind, target: targetOf(call), ops: 0, outcome });
  }

  /** undefined: every key may be read and written. */
  #dataRightsOf(principal: string): Rights | undefined {
    const policy = this.policy();
    if (policy !== this.#seen) {
      this.#seen = policy;
      this.#isOpen = isOpenPolicy(policy);
    }
    return this.#isOpen ? undefined : this.#checks.rightsOf(policy, principal);
  }

  #rightsOf(principal: string): Rights {
    return this.#checks.rightsOf(this.policy(), principal);
  }

  /** One line for what was denied of a batch, and one for what was not. */
  #tell(
    principal: string,
    action: 'read' | 'write',
    before: CheckedOps['ops'],
    after: CheckedOps['ops'],
  ): void {
    const [denied, allowed] = [emptyTally(), emptyTally()];
    for (const [index, op] of before.entries()) {
      if (op === undefined) continue;
      const tally = after[index] === undefined ? denied : allowed;
      if (tally.ops === 0) tally.target = op.key;
      tally.ops += 1;
    }
    if (denied.ops > 0) this.#audit.record({ principal, action, ...denied, outcome: 'denied' });
    if (allowed.ops === 0 || !this.#audit.withDataOps) return;
    this.#audit.record({ principal, action, ...allowed, outcome: 'allowed' });
  }
}

const VIEWING: readonly AccessRight[] = ['node', 'read', 'write', 'admin'];

function emptyTally(): { target: string; ops: number } {
  return { target: '', ops: 0 };
}

function withDenials(
  batch: CheckedOps,
  principal: string,
  right: 'read' | 'write',
  rights: Rights,
): CheckedOps {
  const isDenied = (op: Op | undefined): op is Op =>
    op !== undefined && !rights.allows(right, op.key);
  if (!batch.ops.some(isDenied)) return batch;
  const verdicts = [...batch.verdicts];
  const ops = batch.ops.map((op, index) => {
    if (!isDenied(op)) return op;
    const message = denial(principal, missingRight(right, 'key', op.key));
    verdicts.push({ index, code: Code.PERMISSION_DENIED, message });
    return undefined;
  });
  return { ops, verdicts: verdicts.sort((a, b) => a.index - b.index) };
}

function denial(principal: string, missing: string): string {
  return `${principal} needs ${missing}: ask for a role that grants it`;
}

function adminDenial(principal: string): AccessRefusal {
  return { code: Code.PERMISSION_DENIED, message: denial(principal, 'admin') };
}

/** What a node may ask for without admin: the settings, to become a member, and to leave. */
function isNodesOwn(principal: string, call: AdminCall, tlsOn: boolean): boolean {
  if (call.kind === 'getSettings') return true;
  if (call.kind !== 'addMember' && call.kind !== 'removeMember') return false;
  if (principal === `node/${call.nodeId}`) return true;
  // Without TLS no joiner can show who it is, and the peer port takes any.
  return !tlsOn && call.kind === 'addMember';
}

function targetOf(call: AdminCall): string {
  return 'nodeId' in call ? call.nodeId : '';
}
