import type { SessionRequest, SessionResponse } from '@cashe/codec';
import { decodeSessionResponse, encodeSessionRequest } from '@cashe/codec';
import { ClusterService, KVService } from '@cashe/proto';

/** grpc-js wants a Buffer: a view of the same memory, since copying every message costs. */
function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** KV.Session with the hot codec instead of the generated one. */
export const sessionMethod: {
  readonly path: string;
  serialize(request: SessionRequest): Buffer;
  deserialize(bytes: Buffer): SessionResponse;
} = {
  path: KVService.session.path,
  serialize: (request) => viewOf(encodeSessionRequest(request)),
  deserialize: (bytes) => decodeSessionResponse(bytes),
};

export const watchTopologyMethod: typeof ClusterService.watchTopology =
  ClusterService.watchTopology;
