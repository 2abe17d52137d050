/**
 * What /livez and /readyz answer. Alive: the process would not be better off restarted. Ready:
 * calls sent here are served well; a node that is not ready still serves what reaches it.
 */
import type { HostCondition, ReplicaCondition } from '../host/condition.js';
import type { NodeSources } from './sources.js';

export interface Check {
  readonly name: string;
  /** Why it fails; undefined: it passes. */
  readonly problem: string | undefined;
}

/** State older than this does not count as followed (R24). */
const stateAgeMsMax = 5_000;
/** Committed entries that wait to be applied; more, and reads here are slow. */
const applyLagEntriesMax = 10_000;

export function livenessChecks(sources: NodeSources): readonly Check[] {
  const failed = sources.ending() === 'failed';
  const logFailed = sources.condition()?.log.state === 'failed';
  return [
    { name: 'ping', problem: undefined },
    { name: 'node', problem: failed ? 'the node failed and is ending' : undefined },
    { name: 'log', problem: logFailed ? 'a write or sync failed' : undefined },
  ];
}

export function readinessChecks(sources: NodeSources, wallMs: number): readonly Check[] {
  const condition = sources.condition();
  const checks: Check[] = [
    { name: 'member', problem: membership(sources, condition) },
    { name: 'log', problem: log(condition) },
    { name: 'leader', problem: eachGroup(condition, leader) },
    { name: 'applied', problem: eachGroup(condition, applied) },
    { name: 'staying', problem: staying(sources) },
  ];
  const certificate = certificateProblem(sources, wallMs);
  if (certificate !== undefined) checks.push({ name: 'certificate', ...certificate });
  return checks;
}

function membership(
  sources: NodeSources,
  condition: HostCondition | undefined,
): string | undefined {
  if (condition !== undefined) return undefined;
  const { waitingFor } = sources.view();
  return waitingFor === '' ? 'not in a cluster yet' : `waits for ${waitingFor}`;
}

/** R9: whoever cannot sync in time is not ready, whatever its role. */
function log(condition: HostCondition | undefined): string | undefined {
  if (condition === undefined) return 'not open yet';
  const { state } = condition.log;
  if (state !== 'ready') return `the log is ${logStates[state]}`;
  if (!condition.stalled) return undefined;
  return `the disk has not answered for ${Math.round(condition.syncWaitingMs)} ms`;
}

const logStates = {
  waitingForSpace: 'waiting for space on the disk',
  full: 'at its bound until snapshots free some of it',
  failed: 'broken: a write or sync failed',
} as const;

function eachGroup(
  condition: HostCondition | undefined,
  check: (replica: ReplicaCondition, condition: HostCondition) => string | undefined,
): string | undefined {
  if (condition === undefined) return 'not in a cluster yet';
  for (const replica of condition.replicas) {
    const problem = check(replica, condition);
    if (problem !== undefined) return `group ${replica.group}: ${problem}`;
  }
  return undefined;
}

function leader(
  { leaderKnown, leaderSilentMs }: ReplicaCondition,
  { electionMsMax }: HostCondition,
): string | undefined {
  if (!leaderKnown) return 'no leader is known';
  if (leaderSilentMs <= electionMsMax) return undefined;
  return `the leader has been silent for ${Math.round(leaderSilentMs)} ms`;
}

function applied({ restoring, applyLagEntries, ageMs }: ReplicaCondition): string | undefined {
  if (restoring) return 'a snapshot is being installed';
  if (applyLagEntries > applyLagEntriesMax) {
    return `${applyLagEntries} committed entries are not applied`;
  }
  if (ageMs === undefined) return 'nothing was heard from a leader yet';
  if (ageMs <= stateAgeMsMax) return undefined;
  return `the state is ${Math.round(ageMs)} ms old`;
}

function staying(sources: NodeSources): string | undefined {
  switch (sources.ending()) {
    case 'draining':
      return 'the node is stopping';
    case 'removed':
      return 'the node was removed from the cluster';
    case 'failed':
      return 'the node failed and is ending';
    default:
      return undefined;
  }
}

function certificateProblem(
  sources: NodeSources,
  wallMs: number,
): { readonly problem: string | undefined } | undefined {
  const certificate = sources.certificate();
  if (certificate === undefined) return undefined;
  return { problem: wallMs > certificate.notAfterMs ? 'expired' : undefined };
}

/** The text of Kubernetes' own health endpoints. */
export function checksText(
  endpoint: string,
  checks: readonly Check[],
  isVerbose: boolean,
): { readonly status: number; readonly text: string } {
  const failing = checks.filter(({ problem }) => problem !== undefined);
  const passes = failing.length === 0;
  const status = passes ? 200 : 503;
  if (passes && !isVerbose) return { status, text: 'ok' };
  const lines = checks.map(({ name, problem }) =>
    problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`,
  );
  return {
    status,
    text: [...lines, `${endpoint} check ${passes ? 'passed' : 'failed'}`].join('\n'),
  };
}
