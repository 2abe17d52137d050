/** What decides who may do what on a node, put together. */
import { AuditLog } from '../access/audit-log.js';
import { Authenticator } from '../api/authenticate.js';
import type { NodeOptions } from '../config/options.js';
import type { AccessPorts, Calls, Logger } from '../host/index.js';
import type { RefusalReporter } from '../metrics/reporters.js';
import { realClock, realScheduler } from './real-ports.js';

export interface NodeAccess {
  /** Shared by every surface. */
  readonly authenticator: Authenticator;
  readonly ports: AccessPorts;
  /** Logs what the audit log still has to tell. */
  close(): void;
}

export function createAccess(
  { tls, audit: level }: Pick<NodeOptions, 'tls' | 'audit'>,
  calls: Pick<Calls, 'access'>,
  log: Logger,
  refusals: RefusalReporter | undefined,
): NodeAccess {
  const ports = { log, clock: realClock, scheduler: realScheduler };
  const audit = new AuditLog({ level, ...ports, refusals });
  return {
    authenticator: new Authenticator({ policy: () => calls.access(), audit }),
    ports: { tlsOn: tls !== undefined, audit },
    close: () => audit.close(),
  };
}
