/**
 * Every call a node accepts (R30): executed here when this node leads the group, otherwise sent
 * once to the node that does. A forwarded call goes no further; only its owner repeats it.
 */
import {
  type AccessPolicy,
  type CloseSession,
  Code,
  Consistency,
  type GroupLeader,
  type OpenSession,
  Outcome,
  type ReadAnswer,
  type ReadBatch,
  type SessionAnswer,
  type WriteAnswer,
  type WriteBatch,
} from '@cashe/codec';
import type { AccessGuard, AccessRefusal } from './access-guard.js';
import type { Admin } from './admin.js';
import type { Calls, HelloView, NodeView, TopologyView } from './calls.js';
import { Listeners } from './listeners.js';
import type {
  AdminAnswer,
  AdminCall,
  Clock,
  ForwardedAnswer,
  ForwardedCall,
  Scheduler,
  Transport,
} from './ports.js';
import { refusedRead } from './reads.js';
import type { Replica } from './replica.js';
import { submitRead, submitWrite } from './submit.js';
import type { CommandResult } from './writes.js';
import { refusedWrite } from './writes.js';

/** What exists once the node belongs to a cluster. */
interface ClusterParts {
  readonly groupCount: number;
  readonly replicas: ReadonlyMap<number, Replica>;
  readonly admin: Admin;
  readonly guard: AccessGuard;
  readonly transport: Transport;
  hello(): HelloView;
  topology(): TopologyView;
  leaders(): readonly GroupLeader[];
  serving(): boolean;
}

interface NodeCallsPorts {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  crc32(bytes: Uint8Array): number;
  /** The whole status, with or without a cluster. */
  status(): NodeView;
}

/** Pause before a change of the members is asked for again, ms. */
const ADMIN_RETRY_MS = 100;

const NO_CLUSTER = 'this node does not belong to a cluster yet';
const NO_LEADER = 'no leader is known';
const NOT_SETTLED = 'the leader has not applied all that was committed before it';

export class NodeCalls implements Calls {
  readonly leaderListeners: Listeners<GroupLeader> = new Listeners();
  readonly topologyListeners: Listeners<undefined> = new Listeners();
  readonly servingListeners: Listeners<boolean> = new Listeners();
  readonly #ports: NodeCallsPorts;
  #cluster: ClusterParts | undefined;
  #isStopped = false;

  constructor(ports: NodeCallsPorts) {
    this.#ports = ports;
  }

  attach(cluster: ClusterParts): void {
    this.#cluster = cluster;
  }

  /** The node ends: what would be asked for again is refused instead. */
  stop(): void {
    this.#isStopped = true;
  }

  hello(): HelloView | undefined {
    return this.#cluster?.hello();
  }
  access(): AccessPolicy | undefined {
    return this.#cluster?.guard.policy();
  }
  checkView(principal: string, action: string): AccessRefusal | undefined {
    return this.#cluster?.guard.checkView(principal, action);
  }
  checkNodeAdmin(principal: string, action: string): AccessRefusal | undefined {
    const cluster = this.#cluster;
    if (cluster === undefined) return { code: Code.UNAVAILABLE, message: NO_CLUSTER };
    return cluster.guard.checkNodeAdmin(principal, action);
  }
  status(): NodeView {
    return this.#ports.status();
  }
  topology(): TopologyView {
    const none = { clusterId: '', appliedIndex: 0, groupCount: 0, members: [], leaders: [] };
    return this.#cluster?.topology() ?? none;
  }
  serving(): boolean {
    return this.#cluster?.serving() ?? false;
  }
  leaders(): readonly GroupLeader[] {
    return this.#cluster?.leaders() ?? [];
  }
  onLeader(listener: (leader: GroupLeader) => void): () => void {
    return this.leaderListeners.add(listener);
  }
  onTopology(listener: () => void): () => void {
    return this.topologyListeners.add(listener);
  }
  onServing(listener: (serving: boolean) => void): () => void {
    return this.servingListeners.add(listener);
  }

  write(batch: WriteBatch, principal: string, done: (answer: WriteAnswer) => void): void {
    this.#write(batch, principal, 0, done);
  }

  #write(
    batch: WriteBatch,
    principal: string,
    hop: number,
    done: (answer: WriteAnswer) => void,
  ): void {
    const target = this.#route(batch.group, hop);
    if (target.kind === 'refused') {
      done(refusedWrite({ batch }, target.code, target.message));
    } else if (target.kind === 'local') {
      submitWrite(target.replica, this.#submitContext(), batch, principal, done);
    } else {
      target.forward({ kind: 'write', batch, principal }, (answer) => {
        if (answer?.kind === 'write') done(answer);
        else done({ ...refusedWrite({ batch }, Code.UNKNOWN_OUTCOME, LOST), outcome: UNKNOWN });
      });
    }
  }

  read(batch: ReadBatch, principal: string, done: (answer: ReadAnswer) => void): void {
    this.#read(batch, principal, 0, done);
  }

  #read(
    batch: ReadBatch,
    principal: string,
    hop: number,
    done: (answer: ReadAnswer) => void,
  ): void {
    const stale = batch.consistency === Consistency.STALE;
    const here = stale ? this.#cluster?.replicas.get(batch.group) : undefined;
    const target = here ? { kind: 'local' as const, replica: here } : this.#route(batch.group, hop);
    if (target.kind === 'refused') {
      done(refusedRead(batch, target.code, target.message));
    } else if (target.kind === 'local') {
      submitRead(target.replica, this.#submitContext(), batch, principal, done);
    } else {
      target.forward({ kind: 'read', batch, principal }, (answer) => {
        done(answer?.kind === 'read' ? answer : refusedRead(batch, Code.NOT_LEADER, LOST));
      });
    }
  }

  open(open: OpenSession, principal: string, done: (answer: SessionAnswer) => void): void {
    this.#open(open, principal, 0, done);
  }

  #open(
    open: OpenSession,
    principal: string,
    hop: number,
    done: (answer: SessionAnswer) => void,
  ): void {
    const deadlineMs = this.#ports.clock.nowMs() + open.remainingMs;
    const command = { kind: 'openSession', owner: principal } as const;
    const call = { kind: 'open', open, principal } as const;
    this.#sessionCommand(open, hop, call, done, (replica, result) => {
      const message = replica.access.checkOpen(principal);
      if (message === undefined) return replica.command(command, deadlineMs, result);
      const [code, outcome] = [Code.PERMISSION_DENIED, Outcome.NOT_COMMITTED];
      result({ code, outcome, message, index: 0 });
      return true;
    });
  }

  close(close: CloseSession, principal: string, done: (answer: SessionAnswer) => void): void {
    this.#close(close, principal, 0, done);
  }

  #close(
    close: CloseSession,
    principal: string,
    hop: number,
    done: (answer: SessionAnswer) => void,
  ): void {
    const deadlineMs = this.#ports.clock.nowMs() + CLOSE_MS;
    const command = { kind: 'closeSession', session: close.session, principal } as const;
    const call = { kind: 'close', close, principal } as const;
    this.#sessionCommand(close, hop, call, done, (replica, result) =>
      replica.command(command, deadlineMs, result),
    );
  }

  #sessionCommand(
    request: OpenSession | CloseSession,
    hop: number,
    call: ForwardedCall,
    done: (answer: SessionAnswer) => void,
    submit: (replica: Replica, result: (result: CommandResult) => void) => boolean,
  ): void {
    const { transmission } = request;
    const answer = (code: Code, message: string, session: number): void =>
      done({ kind: 'session', transmission, code, message, session });
    const target = this.#route(request.group, hop);
    if (target.kind === 'refused') {
      answer(target.code, target.message, 0);
    } else if (target.kind === 'local') {
      const queued = submit(target.replica, ({ code, message, index }) =>
        answer(code, message, request.kind === 'open' ? index : request.session),
      );
      if (!queued) answer(Code.BUSY, 'too many commands are waiting', 0);
    } else {
      target.forward(call, (forwarded) => {
        if (forwarded?.kind === 'session') done(forwarded);
        else answer(Code.UNKNOWN_OUTCOME, LOST, 0);
      });
    }
  }

  /**
   * Changes of the members are idempotent: asked for again until the deadline while no leader is
   * there or it cannot be reached (it may be heard before), or while leadership moves under them.
   */
  admin(
    call: AdminCall,
    principal: string,
    remainingMs: number,
    done: (answer: AdminAnswer) => void,
  ): void {
    const deadlineMs = this.#ports.clock.nowMs() + remainingMs;
    let sent = false;
    const attempt = (): void => {
      const leftMs = deadlineMs - this.#ports.clock.nowMs();
      this.#adminOnce(call, principal, leftMs, (answer) => {
        const again =
          answer.result === 'refused' &&
          this.#isRetryable(answer.code) &&
          leftMs > ADMIN_RETRY_MS &&
          !this.#isStopped;
        if (again) {
          sent ||= answer.outcome !== Outcome.NOT_COMMITTED;
          this.#ports.scheduler.after(ADMIN_RETRY_MS, attempt);
        } else {
          done(sent ? afterUnknown(call, answer) : answer);
        }
      });
    };
    attempt();
  }

  #isRetryable(code: Code): boolean {
    return RETRYABLE.has(code) || (code === Code.UNAVAILABLE && this.#cluster !== undefined);
  }

  #adminOnce(
    call: AdminCall,
    principal: string,
    remainingMs: number,
    done: (answer: AdminAnswer) => void,
  ): void {
    const target = this.#route(groupOfCall(call), 0);
    if (target.kind === 'refused') {
      done(adminRefusal(target.code, Outcome.NOT_COMMITTED, target.message));
    } else if (target.kind === 'local') {
      this.#executeAdmin(call, principal, remainingMs, done);
    } else {
      target.forward(
        { kind: 'admin', call, principal, remainingMs: Math.max(0, Math.floor(remainingMs)) },
        (answer) => {
          if (answer?.kind === 'admin') done(answer);
          else done(adminRefusal(Code.UNKNOWN_OUTCOME, UNKNOWN, LOST));
        },
      );
    }
  }

  /** A call that another node accepted: executed here or refused, never sent on (R30). */
  forwarded(call: ForwardedCall, answer: (answer: ForwardedAnswer) => void): void {
    switch (call.kind) {
      case 'write':
        this.#write(call.batch, call.principal, 1, answer);
        return;
      case 'read':
        this.#read(call.batch, call.principal, 1, answer);
        return;
      case 'open':
        this.#open(call.open, call.principal, 1, answer);
        return;
      case 'close':
        this.#close(call.close, call.principal, 1, answer);
        return;
      case 'admin':
        this.#executeAdmin(call.call, call.principal, call.remainingMs, answer);
    }
  }

  /** The leader decides whether the principal may (R40); elsewhere the call is refused anyway. */
  #executeAdmin(
    call: AdminCall,
    principal: string,
    remainingMs: number,
    done: (answer: AdminAnswer) => void,
  ): void {
    const cluster = this.#cluster;
    if (cluster === undefined) {
      done(adminRefusal(Code.UNAVAILABLE, Outcome.NOT_COMMITTED, NO_CLUSTER));
      return;
    }
    const { guard } = cluster;
    const replica = cluster.replicas.get(groupOfCall(call));
    const leads = replica?.leads === true;
    if (leads && !replica.isSettled) {
      // It may still have to apply the policy that decides about this call.
      done(adminRefusal(Code.NOT_LEADER, Outcome.NOT_COMMITTED, NOT_SETTLED));
      return;
    }
    const refusal = leads ? guard.checkAdmin(principal, call) : undefined;
    if (refusal !== undefined) {
      done(adminRefusal(refusal.code, Outcome.NOT_COMMITTED, refusal.message));
      return;
    }
    const deadlineMs = this.#ports.clock.nowMs() + remainingMs;
    cluster.admin.execute(call, { principal, deadlineMs }, (answer) => {
      if (leads) guard.adminEnded(principal, call, answer.result === 'refused' ? 'failed' : 'done');
      done(answer);
    });
  }

  #submitContext(): { groupCount: number; nowMs: number; crc32(bytes: Uint8Array): number } {
    return {
      groupCount: this.#cluster?.groupCount ?? 1,
      nowMs: this.#ports.clock.nowMs(),
      crc32: this.#ports.crc32,
    };
  }

  #route(group: number, hop: number): Target {
    const cluster = this.#cluster;
    if (cluster === undefined) return refused(Code.UNAVAILABLE, NO_CLUSTER);
    const replica = cluster.replicas.get(group);
    if (replica === undefined) {
      return refused(
        Code.WRONG_GROUP,
        `there is no group ${group}: groups are 0 to ${cluster.groupCount - 1}`,
      );
    }
    if (replica.leads) return { kind: 'local', replica };
    const { leaderId } = replica;
    if (leaderId === 0) return refused(Code.NOT_LEADER, NO_LEADER);
    if (hop > 0) return refused(Code.NOT_LEADER, 'this node does not lead the group');
    return {
      kind: 'remote',
      forward: (call, done) => cluster.transport.forward(leaderId, call, done),
    };
  }
}

type Target =
  | { readonly kind: 'refused'; readonly code: Code; readonly message: string }
  | { readonly kind: 'local'; readonly replica: Replica }
  | {
      readonly kind: 'remote';
      forward(call: ForwardedCall, done: (answer: ForwardedAnswer | undefined) => void): void;
    };

const LOST = 'the connection to the leader broke before it answered';
const UNKNOWN = Outcome.UNKNOWN;
/** A session that its client closes is evicted when idle anyway: no reason to wait longer. */
const CLOSE_MS = 1000;

const RETRYABLE: ReadonlySet<Code> = new Set([
  Code.NOT_LEADER,
  Code.BUSY,
  Code.UNKNOWN_OUTCOME,
  Code.RETRY,
]);

function groupOfCall(call: AdminCall): number {
  return call.kind === 'transferLeadership' ? call.group : 0;
}

function refused(code: Code, message: string): Target {
  return { kind: 'refused', code, message };
}

function adminRefusal(code: Code, outcome: Outcome, message: string): AdminAnswer {
  return { kind: 'admin', result: 'refused', code, outcome, message };
}

/** An earlier attempt may have been carried out: then "not a member" means it was. */
function afterUnknown(call: AdminCall, answer: AdminAnswer): AdminAnswer {
  if (answer.result !== 'refused') return answer;
  // Another policy is in force now, but the one asked for may have been before.
  if (call.kind === 'setAccess' && answer.code === Code.ABORTED) {
    return { ...answer, outcome: Outcome.UNKNOWN };
  }
  const gone = answer.code === Code.NOT_FOUND;
  if (call.kind === 'removeMember' && gone) return { kind: 'admin', result: 'removed' };
  // Nobody was there to say what became of the earlier one.
  const untold = answer.code === Code.UNAVAILABLE || RETRYABLE.has(answer.code);
  return untold ? { ...answer, outcome: Outcome.UNKNOWN } : answer;
}
