import type { ServerHello, SessionRequest, SessionResponse } from '@cashe/codec';
import { decodeSessionRequest, encodeSessionResponse } from '@cashe/codec';
import { ClusterService, KVService, type Member, type WatchTopologyResponse } from '@cashe/proto';
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { helloOf } from './fake-net.js';
import { answerFrom } from './harness.js';
import type { ModelGroup } from './model-group.js';

const sessionService: ServiceDefinition = {
  session: {
    path: KVService.session.path,
    requestStream: true,
    responseStream: true,
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: (bytes: Buffer) => decodeSessionRequest(bytes),
    responseSerialize: (response: SessionResponse) => Buffer.from(encodeSessionResponse(response)),
    responseDeserialize: () => undefined,
  },
};

type Stream = ServerDuplexStream<SessionRequest, SessionResponse>;

/** A node on a real port of this machine, over the hot codec, answering from a model group. */
export class SocketServer {
  readonly nodeId: string;
  /** Takes everything and says nothing, as under SIGSTOP. */
  isSilent = false;
  readonly hello: ServerHello;
  readonly requests: SessionRequest[] = [];
  topology: readonly SocketServer[] = [];
  connects = 0;
  address = '';
  readonly #group: ModelGroup;
  #server = new Server();
  #port = 0;
  readonly #streams = new Set<Stream>();

  constructor(nodeId: string, group: ModelGroup, hello: Partial<ServerHello> = {}) {
    this.nodeId = nodeId;
    this.#group = group;
    this.hello = helloOf(nodeId, hello);
  }

  /** On the same port as before, if there was one. */
  async start(): Promise<void> {
    const server = new Server();
    this.#server = server;
    server.addService(sessionService, { session: (stream: Stream) => this.#serve(stream) });
    server.addService(
      { watchTopology: ClusterService.watchTopology },
      {
        watchTopology: (call: ServerWritableStream<object, WatchTopologyResponse>) => {
          if (this.topology.length === 0) call.emit('error', { code: status.UNIMPLEMENTED });
          else call.write(this.#picture());
        },
      },
    );
    this.#port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(
        `127.0.0.1:${this.#port}`,
        ServerCredentials.createInsecure(),
        (error, port) => (error === null ? resolve(port) : reject(error)),
      );
    });
    this.address = `127.0.0.1:${this.#port}`;
  }

  stop(): void {
    this.#streams.clear();
    this.#server.forceShutdown();
  }

  push(response: SessionResponse): void {
    for (const stream of this.#streams) stream.write(response);
  }

  #serve(stream: Stream): void {
    this.#streams.add(stream);
    this.connects += 1;
    stream.on('data', (request: SessionRequest) => {
      if (this.isSilent) return;
      this.requests.push(request);
      const response = request.kind === 'hello' ? this.hello : answerFrom(this.#group, request);
      stream.write(response);
    });
    stream.on('error', () => this.#streams.delete(stream));
    stream.on('end', () => stream.end());
  }

  #picture(): WatchTopologyResponse {
    return {
      clusterId: this.hello.clusterId,
      appliedIndex: 1,
      groupCount: 1,
      leaders: [],
      members: this.topology.map((node) => memberOf(node)),
    };
  }
}

function memberOf({ nodeId, hello, address }: SocketServer): Member {
  return {
    nodeId,
    nodeUid: hello.nodeUid,
    clientAddress: address,
    raftAddress: '',
    replicaId: 1,
    role: 1,
    leaving: false,
    leader: false,
    matchIndex: 0,
  };
}
