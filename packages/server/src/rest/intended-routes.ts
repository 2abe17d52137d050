/** `/v1/cluster/settings` and `/v1/cluster/access`: what the cluster was told to be like. */
import type { AccessPolicy, AccessVerb, SettingsChanges } from '@cashe/codec';
import type { Settings } from '@cashe/store';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { takeJsonBodies } from './body.js';
import type { ByteBudget } from './byte-budget.js';
import { askAdmin } from './cluster-routes.js';
import type { CallContext, Gate } from './gate.js';
import { intendedSchemas } from './intended-schemas.js';
import type { RestLimits } from './limits.js';
import type { RestPorts } from './ports.js';

interface IntendedRoutesOptions {
  readonly ports: RestPorts;
  readonly gate: Gate;
  readonly limits: RestLimits;
  readonly budget: ByteBudget;
}

interface SettingsJson {
  readonly entries_max?: number;
  readonly bytes_max?: number;
  readonly eviction?: 'lru' | 'noeviction';
  readonly replication_factor?: number;
  readonly sessions_max?: number;
  readonly session_window?: number;
  readonly session_bytes_max?: number;
  readonly session_idle_ms?: number;
}

interface PolicyJson {
  readonly roles: readonly {
    readonly name: string;
    readonly grants: readonly { readonly verb: AccessVerb; readonly prefix: string }[];
  }[];
  readonly bindings: readonly { readonly principal: string; readonly role: string }[];
  readonly tokens: readonly { readonly name: string; readonly sha256?: string }[];
}

export function addIntendedRoutes(scope: FastifyInstance, options: IntendedRoutesOptions): void {
  const { ports, gate, limits, budget } = options;
  takeJsonBodies(scope, { budget, bytesMax: () => limits.jsonBytesMax });
  const routes = new IntendedRoutes(ports);
  const admin = (verb: string) => ({ verb, kind: 'admin' }) as const;
  const { getSettings, changeSettings, getAccess, setAccess } = intendedSchemas;
  const settings = '/cluster/settings';
  const read = gate.handle(admin('getSettings'), routes.getSettings);
  scope.get(settings, { schema: getSettings }, read);
  const change = gate.handle(admin('changeSettings'), routes.changeSettings);
  scope.patch(settings, { schema: changeSettings }, change);
  const access = '/cluster/access';
  scope.get(access, { schema: getAccess }, gate.handle(admin('getAccess'), routes.getAccess));
  scope.put(access, { schema: setAccess }, gate.handle(admin('setAccess'), routes.setAccess));
}

class IntendedRoutes {
  readonly #ports: RestPorts;

  constructor(ports: RestPorts) {
    this.#ports = ports;
  }

  readonly getSettings = async (
    _request: FastifyRequest,
    _reply: FastifyReply,
    context: CallContext,
  ): Promise<unknown> => {
    const answer = await askAdmin(this.#ports, { kind: 'getSettings' }, context, 'settings');
    return { settings: settingsJson(answer.settings), revision: answer.revision };
  };

  readonly changeSettings = async (
    request: FastifyRequest,
    reply: FastifyReply,
    context: CallContext,
  ): Promise<unknown> => {
    const changes = changesOf(request.body as SettingsJson);
    const call = { kind: 'changeSettings', changes } as const;
    const { settings, revision } = await askAdmin(this.#ports, call, context, 'settings');
    reply.header('cashe-outcome', 'committed');
    return { settings: settingsJson(settings), revision };
  };

  readonly getAccess = async (
    _request: FastifyRequest,
    _reply: FastifyReply,
    context: CallContext,
  ): Promise<unknown> => {
    const answer = await askAdmin(this.#ports, { kind: 'getAccess' }, context, 'access');
    const { roles, bindings, tokens } = answer.policy;
    // The hashes never leave, not even empty: the shape is the one that PUT takes.
    const names = tokens.map(({ name }) => ({ name }));
    return { policy: { roles, bindings, tokens: names }, revision: answer.revision };
  };

  readonly setAccess = async (
    request: FastifyRequest,
    reply: FastifyReply,
    context: CallContext,
  ): Promise<unknown> => {
    const { policy, expected_revision: expectedRevision } = request.body as {
      readonly policy: PolicyJson;
      readonly expected_revision: number;
    };
    const call = { kind: 'setAccess', policy: policyOf(policy), expectedRevision } as const;
    const { revision } = await askAdmin(this.#ports, call, context, 'accessSet');
    reply.header('cashe-outcome', 'committed');
    return { revision };
  };
}

function changesOf(json: SettingsJson): SettingsChanges {
  return {
    entriesMax: json.entries_max,
    bytesMax: json.bytes_max,
    eviction: json.eviction,
    replicationFactor: json.replication_factor,
    sessionsMax: json.sessions_max,
    sessionWindow: json.session_window,
    sessionBytesMax: json.session_bytes_max,
    sessionIdleMs: json.session_idle_ms,
  };
}

function settingsJson(settings: Settings): Required<SettingsJson> & { value_bytes_max: number } {
  return {
    entries_max: settings.entriesMax,
    bytes_max: settings.bytesMax,
    eviction: settings.eviction,
    replication_factor: settings.replicationFactor,
    value_bytes_max: settings.valueBytesMax,
    sessions_max: settings.sessionsMax,
    session_window: settings.sessionWindow,
    session_bytes_max: settings.sessionBytesMax,
    session_idle_ms: settings.sessionIdleMs,
  };
}

/** A token without a hash keeps the one it has. */
function policyOf({ roles, bindings, tokens }: PolicyJson): AccessPolicy {
  const hashed = tokens.map(({ name, sha256 = '' }) => ({ name, sha256 }));
  return { roles, bindings, tokens: hashed };
}
