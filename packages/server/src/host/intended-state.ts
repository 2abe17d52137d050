/**
 * The access policy and the settings that the operators intend (R11, R40), read and changed on the
 * leader of group 0. Settings are part of every group's own state: other groups get them by an
 * entry of their own, from whoever leads them.
 */
import {
  type AccessPolicy,
  type AccessToken,
  Code,
  type EntryCommand,
  encodeAccessPolicy,
  Outcome,
  rightsOf,
  type SettingsChanges,
  validateAccessPolicy,
} from '@cashe/codec';
import { changedSettings, type Settings, validateSettings } from '@cashe/store';
import type { AdminAnswer, AdminCall, Clock, Logger } from './ports.js';
import type { Replica } from './replica.js';

/** A replica as far as it matters here. */
export type StateReplica = Pick<Replica, 'group' | 'leads' | 'store' | 'barrier' | 'command'>;

type IntendedCall = Extract<
  AdminCall,
  { kind: 'getAccess' | 'setAccess' | 'getSettings' | 'changeSettings' }
>;
type SetAccess = Extract<AdminCall, { kind: 'setAccess' }>;
type Done = (answer: AdminAnswer) => void;

interface IntendedParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly tlsOn: boolean;
  /** How long an entry for another group may wait to be proposed. */
  readonly membershipMs: number;
}

/** Who asks, and how long they wait. */
export interface Caller {
  readonly principal: string;
  readonly deadlineMs: number;
}

export class IntendedState {
  readonly #parts: IntendedParts;
  readonly #meta: StateReplica;
  /** Groups whose entry is on its way. */
  readonly #telling: Set<number> = new Set();

  constructor(parts: IntendedParts, meta: StateReplica) {
    this.#parts = parts;
    this.#meta = meta;
  }

  /** On the leader of group 0. What is read, and what a change starts from, is linearizable. */
  execute(call: IntendedCall, caller: Caller, done: Done): void {
    const queued = this.#meta.barrier(caller.deadlineMs, (code, message) => {
      if (code !== Code.OK) done(refusal(code, message));
      else this.#executeNow(call, caller, done);
    });
    if (!queued) done(refusal(Code.BUSY, 'too many reads are waiting'));
  }

  /** Brings the settings of a group that this node leads to those of group 0. */
  step(replica: StateReplica): void {
    const { group } = replica;
    const { store } = this.#meta;
    if (replica === this.#meta || !replica.leads || this.#telling.has(group)) return;
    const revision = store.settingsRevision();
    if (replica.store.settingsRevision() >= revision) return;
    const { valueBytesMax: _, ...changes } = store.settings();
    const deadlineMs = this.#parts.clock.nowMs() + this.#parts.membershipMs;
    this.#telling.add(group);
    const queued = replica.command(
      { kind: 'changeSettings', changes, revision },
      deadlineMs,
      ({ code, message }) => {
        this.#telling.delete(group);
        this.#parts.log.info('settings of a group', { group, revision, code, message });
      },
    );
    if (!queued) this.#telling.delete(group);
  }

  #executeNow(call: IntendedCall, caller: Caller, done: Done): void {
    if (call.kind === 'getAccess') done(this.#accessAnswer());
    else if (call.kind === 'getSettings') done(this.#settingsAnswer());
    else if (call.kind === 'setAccess') this.#setAccess(call, caller, done);
    else this.#changeSettings(call.changes, caller, done);
  }

  #accessAnswer(): AdminAnswer {
    const { store } = this.#meta;
    const { roles, bindings, tokens } = store.access();
    // Hashes leave the cluster for nobody: a weak token could be guessed from one.
    const policy = { roles, bindings, tokens: tokens.map(({ name }) => ({ name, sha256: '' })) };
    return { kind: 'admin', result: 'access', policy, revision: store.accessRevision() };
  }

  #settingsAnswer(): AdminAnswer {
    const { store } = this.#meta;
    const [settings, revision] = [store.settings(), store.settingsRevision()];
    return { kind: 'admin', result: 'settings', settings, revision };
  }

  #setAccess({ policy: given, expectedRevision }: SetAccess, caller: Caller, done: Done): void {
    const { store } = this.#meta;
    const revision = store.accessRevision();
    const policy = withKnownHashes(given, store.access().tokens);
    if (typeof policy === 'string') {
      done(refusal(Code.INVALID_ARGUMENT, policy));
      return;
    }
    const problem = validateAccessPolicy(policy) ?? this.#lockOut(policy, caller.principal);
    if (problem !== undefined) {
      done(refusal(Code.INVALID_ARGUMENT, problem));
      return;
    }
    if (expectedRevision !== revision) {
      // The same again right after it was set is a call that was repeated.
      const isSet = expectedRevision + 1 === revision && isSame(policy, store.access());
      if (isSet) done({ kind: 'admin', result: 'accessSet', revision });
      else done(refusal(Code.ABORTED, replacedBefore(revision, expectedRevision)));
      return;
    }
    this.#command({ kind: 'setAccess', policy, expectedRevision }, caller, done, () => {
      this.#parts.log.info('access policy set', {
        revision: expectedRevision + 1,
        by: caller.principal,
      });
      return { kind: 'admin', result: 'accessSet', revision: expectedRevision + 1 };
    });
  }

  /** Nobody takes admin away from themselves: the next policy could not be set any more. */
  #lockOut(policy: AccessPolicy, principal: string): string | undefined {
    if (rightsOf(policy, principal, this.#parts.tlsOn).allows('admin', '')) return undefined;
    const loss = `this policy would take admin away from ${principal}, who sets it`;
    return `${loss}: bind it to a role with admin on "", or use an admin certificate`;
  }

  #changeSettings(changes: SettingsChanges, caller: Caller, done: Done): void {
    const { store } = this.#meta;
    const before = store.settings();
    const settings = changedSettings(before, changes);
    const isEmpty = Object.values(changes).every((value) => value === undefined);
    const problem = isEmpty ? 'no setting is stated' : validateSettings(settings);
    if (problem !== undefined) {
      done(refusal(Code.INVALID_ARGUMENT, problem));
      return;
    }
    this.#command({ kind: 'changeSettings', changes, revision: 0 }, caller, done, () => {
      const changed = differences(before, settings);
      this.#parts.log.info('settings changed', { ...changed, by: caller.principal });
      return this.#settingsAnswer();
    });
  }

  #command(
    command: EntryCommand,
    { deadlineMs }: Caller,
    done: Done,
    answer: () => AdminAnswer,
  ): void {
    const queued = this.#meta.command(command, deadlineMs, ({ code, outcome, message }) => {
      if (code === Code.OK) done(answer());
      else done({ kind: 'admin', result: 'refused', code, outcome, message });
    });
    if (!queued) done(refusal(Code.BUSY, 'too many commands are waiting'));
  }
}

/** Tokens that are named without their hash keep the one they have; or whose name has none. */
function withKnownHashes(
  policy: AccessPolicy,
  known: readonly AccessToken[],
): AccessPolicy | string {
  const hashes = new Map(known.map(({ name, sha256 }) => [name, sha256]));
  const tokens: AccessToken[] = [];
  for (const { name, sha256 } of policy.tokens) {
    const hash = sha256 === '' ? hashes.get(name) : sha256;
    if (hash === undefined) {
      return `token ${JSON.stringify(name)} has no sha256, and there is none to keep`;
    }
    tokens.push({ name, sha256: hash });
  }
  return { ...policy, tokens };
}

function isSame(one: AccessPolicy, other: AccessPolicy): boolean {
  const [a, b] = [encodeAccessPolicy(one), encodeAccessPolicy(other)];
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function replacedBefore(revision: number, expected: number): string {
  const found = `the policy is at revision ${revision}, not ${expected}`;
  return `${found}: read it again, and change what is there now`;
}

function differences(before: Settings, after: Settings): Partial<Settings> {
  const names = Object.keys(after) as (keyof Settings)[];
  return Object.fromEntries(
    names.filter((name) => before[name] !== after[name]).map((name) => [name, after[name]]),
  );
}

function refusal(code: Code, message: string): AdminAnswer {
  return { kind: 'admin', result: 'refused', code, outcome: Outcome.NOT_COMMITTED, message };
}
