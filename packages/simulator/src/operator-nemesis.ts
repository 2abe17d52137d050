/**
 * Operators who change what they may while the cluster serves and breaks: settings (R11, R18, R26)
 * and the access policy (R40). Two at a time, through any node, some with a revision that is old.
 */
import {
  type AccessGrant,
  type AccessPolicy,
  openPolicy,
  type SettingsChanges,
} from '@cashe/codec';
import { recordBytes } from '@cashe/store';
import { OPERATOR, UNARY } from './principals.js';
import type { SeededRandom } from './random.js';
import type { World } from './world.js';

type Change = 'settings' | 'access';

const CALL_MS = 3_000;
const KEY_BYTES = 4;

export class OperatorNemesis {
  readonly counts: Map<Change, number> = new Map();
  readonly #world: World;
  readonly #generators: SeededRandom;
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
    this.#generators = world.random.fork();
  }

  start(): void {
    const { settingsGapMs, accessGapMs } = this.#world.swarm;
    if (settingsGapMs > 0) this.#repeat('settings', settingsGapMs);
    if (accessGapMs > 0) this.#repeat('access', accessGapMs);
  }

  stop(): void {
    this.#isOver = true;
  }

  #repeat(change: Change, gapMs: number): void {
    this.#world.time.after(this.#generators.between(0, 2 * gapMs), () => {
      if (this.#isOver) return;
      const random = this.#generators.fork();
      const number = this.#world.nextFault();
      if (number !== undefined) this.#make(change, random, number);
      this.#repeat(change, gapMs);
    });
  }

  #make(change: Change, random: SeededRandom, number: number): void {
    const members = this.#world.nodes.filter(({ isUp }) => isUp);
    if (members.length === 0) return;
    const { calls, nodeId } = random.pick(members);
    if (calls === undefined) return;
    this.counts.set(change, (this.counts.get(change) ?? 0) + 1);
    const call = change === 'settings' ? this.#settings(random) : this.#access(random);
    const text = JSON.stringify(call);
    this.#world.trace(() => `fault ${number}: ${nodeId} is asked for ${text}`);
    calls.admin(call, OPERATOR, CALL_MS, (answer) => {
      this.#world.trace(() => `operator, ${number}: ${JSON.stringify(answer)}`);
    });
  }

  #settings(random: SeededRandom): { kind: 'changeSettings'; changes: SettingsChanges } {
    const { keyCount, valueBytes, membershipFaults } = this.#world.swarm;
    const room = 1 + Math.ceil(keyCount * random.pick([0.1, 0.3, 0.7, 1.2]));
    const roomBytes = room * recordBytes(KEY_BYTES, Math.max(valueBytes, KEY_BYTES * 4));
    const some = <T>(value: T): T | undefined => (random.chance(0.4) ? value : undefined);
    const changes: SettingsChanges = {
      entriesMax: some(random.pick([0, room])),
      bytesMax: some(random.pick([256 * 1024 * 1024, roomBytes])),
      eviction: some(random.pick(['lru', 'lru', 'noeviction'] as const)),
      // Members change only in runs that are made for it.
      replicationFactor: membershipFaults.length > 0 ? some(random.pick([1, 3, 5])) : undefined,
      sessionsMax: random.chance(0.2) ? random.pick([2, 5, 16_384]) : undefined,
      sessionWindow: random.chance(0.2) ? random.pick([1, 4, 64]) : undefined,
      sessionIdleMs: random.chance(0.2) ? random.pick([20, 300, 600_000]) : undefined,
    };
    const isEmpty = Object.values(changes).every((value) => value === undefined);
    return { kind: 'changeSettings', changes: isEmpty ? { entriesMax: room } : changes };
  }

  #access(random: SeededRandom): {
    kind: 'setAccess';
    policy: AccessPolicy;
    expectedRevision: number;
  } {
    const { revision } = this.#world.ledger.access;
    const isOld = revision > 1 && random.chance(0.1);
    const policy = random.chance(0.2) ? openPolicy : somePolicy(random);
    return { kind: 'setAccess', policy, expectedRevision: isOld ? revision - 1 : revision };
  }
}

/** Probes, whose names begin with p, may do everything: they come when all has to be in order. */
function somePolicy(random: SeededRandom): AccessPolicy {
  const grants = (prefix: string): AccessGrant[] => [
    { verb: 'read', prefix },
    { verb: 'write', prefix },
  ];
  const roles = [
    { name: 'all', grants: grants('') },
    { name: 'some', grants: [...grants('k0'), ...grants('k2'), { verb: 'read', prefix: 'k1' }] },
    { name: 'reader', grants: [{ verb: 'read', prefix: '' }] },
  ] as const;
  const names = ['c0', 'c1', 'c2', 'c3', 'r0', 'r1'].map((name) => `client/${name}`);
  const bindings = [{ principal: 'client/p*', role: 'all' }];
  for (const principal of [UNARY, ...names]) {
    const role = random.pick(['all', 'all', 'some', 'reader', '']);
    if (role !== '') bindings.push({ principal, role });
  }
  return { roles, bindings, tokens: [] };
}
