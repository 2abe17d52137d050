/** How a node without a cluster reaches founders and members: the doors of admission, doubled. */
import { Code, FORMAT_VERSION } from '@cashe/codec';
import {
  type AdminAnswer,
  type AdmissionPorts,
  type MemberClient,
  MemberRefusal,
} from '@cashe/server/simulation';
import type { SimulatedNode } from './simulated-node.js';
import type { World } from './world.js';

const CALL_MS = 10_000;

/** The same refusals that gRPC's codes make final for a joiner. */
const FINAL: ReadonlySet<Code> = new Set([
  Code.INVALID_ARGUMENT,
  Code.CLUSTER_MISMATCH,
  Code.PERMISSION_DENIED,
]);

type Serve<Answer> = (target: SimulatedNode, answer: (answer: Answer | Error) => void) => void;

export function simAdmissionPorts(
  world: World,
  node: SimulatedNode,
  alive: () => boolean,
): AdmissionPorts {
  const ask = <Answer>(
    target: SimulatedNode | undefined,
    timeoutMs: number,
    serve: Serve<Answer>,
  ): Promise<Answer> => asked({ world, node, alive }, target, timeoutMs, serve);
  return {
    terms: { settings: world.settings, access: world.access },
    randomBytes: (count) => node.random.bytes(count),
    serveFounders: (handler) => {
      node.founders = handler;
    },
    askFounder: (address, request, timeoutMs) => {
      const target = world.nodes.find(({ raftAddress }) => raftAddress === address);
      return ask(target, timeoutMs, (founder, answer) => {
        const handler = founder.founders;
        if (handler === undefined) answer(new Error('the node is not up to answering yet'));
        else answer(handler.onFound(request));
      });
    },
    dial: (address) => memberClient(world.nodes, address, ask),
  };
}

function memberClient(
  nodes: readonly SimulatedNode[],
  address: string,
  ask: <Answer>(
    target: SimulatedNode | undefined,
    timeoutMs: number,
    serve: Serve<Answer>,
  ) => Promise<Answer>,
): MemberClient {
  const target = nodes.find(({ clientAddress }) => clientAddress === address);
  const refused = (error: unknown): never => {
    if (error instanceof MemberRefusal) throw error;
    throw new MemberRefusal((error as Error).message, false);
  };
  return {
    status: () =>
      ask<Awaited<ReturnType<MemberClient['status']>>>(target, CALL_MS, (member, answer) => {
        answer({ nodeUid: member.nodeUid, settings: member.cluster?.settings() });
      }).catch(refused),
    addMember: (call) =>
      ask<Awaited<ReturnType<MemberClient['addMember']>>>(target, CALL_MS, (member, answer) => {
        const { calls } = member;
        if (calls === undefined) answer(new MemberRefusal('the node has no cluster', false));
        else
          calls.admin(call, `node/${call.nodeId}`, CALL_MS, (result) => answer(admittedOf(result)));
      }).catch(refused),
    close: () => undefined,
  };
}

function admittedOf(
  answer: AdminAnswer,
): Awaited<ReturnType<MemberClient['addMember']>> | MemberRefusal {
  if (answer.result === 'refused') {
    return new MemberRefusal(answer.message, FINAL.has(answer.code));
  }
  if (answer.result !== 'added') return new MemberRefusal(`answered ${answer.result}`, false);
  const { replicaId, genesisRecord } = answer;
  const members = answer.members.map((member) => ({ ...member, formatVersionMax: FORMAT_VERSION }));
  return { replicaId, genesisRecord, members };
}

interface Caller {
  readonly world: World;
  readonly node: SimulatedNode;
  readonly alive: () => boolean;
}

/** One call over a connection of its own: answered once, refused, or lost until it times out. */
function asked<Answer>(
  { world, node, alive }: Caller,
  target: SimulatedNode | undefined,
  timeoutMs: number,
  serve: Serve<Answer>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let isSettled = false;
    const settle = (answer: Answer | Error): void => {
      node.enter(() => {
        if (isSettled || !alive()) return;
        isSettled = true;
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      });
    };
    world.time.after(timeoutMs, () => settle(new Error('timed out')));
    const lost = (): void => undefined;
    const reply = (answer: Answer | Error): void => {
      if (target === undefined) settle(answer);
      else world.network.send(target.nodeId, node.nodeId, () => settle(answer), lost);
    };
    if (target === undefined) {
      reply(new Error('unknown host name'));
      return;
    }
    let hasArrived = false;
    world.network.send(
      node.nodeId,
      target.nodeId,
      () => {
        if (hasArrived) return;
        hasArrived = true;
        if (!target.isRunning) {
          reply(new Error('connection refused'));
          return;
        }
        target.enter(() => {
          const stillThere = target.alive();
          serve(target, (answer) => {
            if (stillThere()) reply(answer);
          });
        });
      },
      lost,
    );
  });
}
