/**
 * The node's own sessions (R30): calls that bring none, unary and REST, run in one per principal.
 * A session has one owner (R14), so callers with different names never share a batch, a sequence
 * or a retry. Made once per node, used by every surface that answers such calls.
 */
import { type Core, coreDefaults, createCore } from '@cashe/client/core';
import type { Calls } from '../host/calls.js';
import type { RefusalReporter } from '../metrics/reporters.js';
import { CallError } from './failure.js';
import type { ApiLimits } from './limits.js';
import { localConnector } from './local-link.js';
import { nodeClock, nodeRandom, nodeScheduler } from './node-ports.js';
import { notInCluster, type SharedLoad } from './session-stream.js';

type OwnSessionLimits = Pick<ApiLimits, 'ownSessionPrincipalsMax'>;

interface OwnSessionsOptions {
  readonly calls: Calls;
  readonly limits: OwnSessionLimits;
  readonly createCore: (principal: string) => Core;
  readonly refusals: RefusalReporter | undefined;
}

export class OwnSessions {
  readonly #options: OwnSessionsOptions;
  /** By principal, the one that called last at the end. */
  readonly #cores = new Map<string, Core>();
  /** Made room for others, and give their sessions back; as many as there may be open ones. */
  readonly #closing = new Set<Core>();
  #lastPrincipal = '';
  #lastCore: Core | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: OwnSessionsOptions) {
    this.#options = options;
  }

  /**
   * The core to submit this principal's ops to, in this very turn: one without open ops may be
   * closed in a later one. Throws CallError while there is no cluster to have a session in, and
   * when all of the `ownSessionPrincipalsMax` cores are busy.
   */
  core(principal: string): Core {
    const { calls } = this.#options;
    if (this.#closed !== undefined) throw unavailable('this node is stopping; use another one');
    if (calls.hello() === undefined) throw unavailable(notInCluster(calls));
    if (this.#lastCore !== undefined && principal === this.#lastPrincipal) return this.#lastCore;
    const core = this.#cores.get(principal) ?? this.#create(principal);
    this.#cores.delete(principal);
    this.#cores.set(principal, core);
    this.#lastPrincipal = principal;
    this.#lastCore = core;
    return core;
  }

  /** Answers what is open and gives the sessions back; the cores' own time limit bounds it. */
  close(): Promise<void> {
    this.#closed ??= this.#closeAll();
    return this.#closed;
  }

  #create(principal: string): Core {
    const { limits, createCore, refusals } = this.#options;
    if (this.#cores.size >= limits.ownSessionPrincipalsMax && !this.#makeRoom()) {
      refusals?.refused('principals');
      throw new CallError({
        code: 'RESOURCE_EXHAUSTED',
        outcome: 'notCommitted',
        message:
          `this node runs calls of ${limits.ownSessionPrincipalsMax} principals at a time; ` +
          'use the Session stream, another node, or wait',
      });
    }
    return createCore(principal);
  }

  /** Closes the core that was idle for longest; false when none is. */
  #makeRoom(): boolean {
    if (this.#closing.size >= this.#options.limits.ownSessionPrincipalsMax) return false;
    for (const [principal, core] of this.#cores) {
      if (core.status().openOps > 0) continue;
      this.#cores.delete(principal);
      if (core === this.#lastCore) this.#lastCore = undefined;
      this.#closing.add(core);
      core.close(() => this.#closing.delete(core));
      return true;
    }
    return false;
  }

  async #closeAll(): Promise<void> {
    const cores = [...this.#cores.values(), ...this.#closing];
    this.#cores.clear();
    this.#lastCore = undefined;
    await Promise.all(cores.map((core) => new Promise<void>((resolve) => core.close(resolve))));
  }
}

function unavailable(message: string): CallError {
  return new CallError({ code: 'UNAVAILABLE', outcome: 'notCommitted', message });
}

interface NodeSessionsOptions {
  readonly calls: Calls;
  readonly limits: ApiLimits;
  readonly load: SharedLoad;
  readonly refusals?: RefusalReporter | undefined;
}

export function createOwnSessions(options: NodeSessionsOptions): OwnSessions {
  const { calls, limits, load, refusals } = options;
  const scheduler = nodeScheduler;
  const connectorFor = (principal: string) =>
    localConnector({ calls, principal, limits, load, scheduler });
  return new OwnSessions({
    calls,
    limits,
    refusals,
    createCore: (principal) => {
      const connector = connectorFor(principal);
      const ports = { clock: nodeClock, scheduler, random: nodeRandom, connector };
      return createCore(ports, {
        ...coreDefaults,
        endpoints: ['this node'],
        clientName: 'unary calls',
        linksMax: 1,
        // The host answers every batch by its deadline: this link is never silently dead.
        silenceMs: limits.batchDeadlineMsMax * 2,
        silenceMaxMs: limits.batchDeadlineMsMax * 2,
      });
    },
  });
}
