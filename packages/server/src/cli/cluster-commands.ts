/** status, members, leave and transfer. */
import { Member, StatusResponse } from '@cashe/proto';
import type { CallOptions } from './call-options.js';
import type { ClusterApi, OpenCluster } from './cluster-client.js';
import { leaderOf, membersText, type NodeReport, statusText } from './cluster-text.js';
import { CommandError, exitCodes } from './exit-codes.js';
import type { Io } from './io.js';
import type { Actions } from './program.js';

type ClusterActions = Pick<Actions, 'status' | 'members' | 'leave' | 'transfer'>;

export function clusterActions(open: OpenCluster, io: Io): ClusterActions {
  return {
    status: async (options) => {
      const reports = await collectStatus(open, options);
      await io.write(options.json ? statusJson(reports) : statusText(reports));
      return isHealthy(reports) ? exitCodes.ok : exitCodes.negative;
    },
    members: async (options) => {
      const members = await withNode(open, options, (api) => api.listMembers());
      const json = (): string => `${JSON.stringify(members.map(Member.toJSON), null, 2)}\n`;
      await io.write(options.json ? json() : membersText(members));
      return exitCodes.ok;
    },
    leave: async (id, options) => {
      if (id === undefined && options.endpoints.length > 1) {
        const message = 'leave: name the node, or give the one --endpoint that is to leave';
        throw new CommandError(exitCodes.usage, message);
      }
      const left = await withNode(open, options, async (api) => {
        const nodeId = id ?? (await api.status()).nodeId;
        await api.removeMember(nodeId);
        return nodeId;
      });
      await io.write(`${left} left the cluster\n`);
      return exitCodes.ok;
    },
    transfer: async (id, options) => {
      const leader = await withNode(open, options, (api) => api.transferLeadership(id ?? ''));
      const who = leader === undefined ? 'handed over' : `${leader.nodeId} leads`;
      await io.write(`${who}\n`);
      return exitCodes.ok;
    },
  };
}

/** Runs on the first endpoint that can be reached; only reaching is tried again, never the call. */
export async function withNode<T>(
  open: OpenCluster,
  options: CallOptions,
  run: (api: ClusterApi) => Promise<T>,
): Promise<T> {
  const failures: string[] = [];
  for (const endpoint of options.endpoints) {
    const api = open(endpoint, options);
    try {
      const problem = await api.ready().then(() => undefined, messageOf);
      if (problem === undefined) return await run(api);
      failures.push(problem);
    } finally {
      api.close();
    }
  }
  throw new CommandError(exitCodes.unavailable, failures.join('; '));
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

const membersAskedMax = 256;

/** Asks one node who belongs, then everybody. */
async function collectStatus(open: OpenCluster, options: CallOptions): Promise<NodeReport[]> {
  const first = await withNode(open, options, (api) => api.status());
  const others = first.members.filter(({ nodeId }) => nodeId !== first.nodeId);
  const asked = others.slice(0, membersAskedMax).map(async (member): Promise<NodeReport> => {
    const { nodeId, clientAddress } = member;
    const api = open(clientAddress, options);
    try {
      return { nodeId, clientAddress, answer: await api.status() };
    } catch (error) {
      return { nodeId, clientAddress, answer: { error: messageOf(error) } };
    } finally {
      api.close();
    }
  });
  const own = { nodeId: first.nodeId, clientAddress: first.clientAddress, answer: first };
  const reports = [own, ...(await Promise.all(asked))];
  return reports.toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
}

function isHealthy(reports: readonly NodeReport[]): boolean {
  const answers = reports.flatMap(({ answer }) => ('error' in answer ? [] : [answer]));
  const serving = answers.filter((answer) => answer.waitingFor === '');
  return serving.length === reports.length && leaderOf(answers) !== undefined;
}

function statusJson(reports: readonly NodeReport[]): string {
  const nodes = reports.map(({ nodeId, clientAddress, answer }) =>
    'error' in answer
      ? { nodeId, clientAddress, error: answer.error }
      : StatusResponse.toJSON(answer),
  );
  return `${JSON.stringify(nodes, null, 2)}\n`;
}
