/** Server reflection, v1 and v1alpha, for the services of the client port. */
import { Buffer } from 'node:buffer';
import { createReader } from '@cashe/codec';
import { descriptorSetBase64 } from '@cashe/proto';
import type { Server } from '@grpc/grpc-js';
import type { EnumTypeDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { refuseMalformed } from './library-requests.js';
import { guardStreams, type StreamGuard } from './stream-guard.js';

const services = ['cashe.v1.KV', 'cashe.v1.Cluster', 'grpc.health.v1.Health'];

/**
 * The library is given the descriptors as the compiler wrote them. What proto-loader makes of a
 * .proto has lost the imports, and messages of other files could not be resolved.
 */
export function addReflection(server: Server, guard: StreamGuard): void {
  const all: EnumTypeDefinition = {
    format: 'Protocol Buffer 3 EnumDescriptorProto', // One of two allowed; it is not looked at.
    type: {},
    fileDescriptorProtos: fileDescriptors(),
  };
  new ReflectionService({ all }, { services }).addToServer(
    guardStreams(refuseMalformed(server), guard),
  );
}

/** The methods, whose requests are streams. */
export const reflectionPaths: readonly string[] = ['v1', 'v1alpha'].map(
  (version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
);

/** `file`, field 1 of FileDescriptorSet. */
const fileTag = 0x0a;

function fileDescriptors(): Buffer[] {
  const reader = createReader(Buffer.from(descriptorSetBase64, 'base64'));
  const files: Buffer[] = [];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === fileTag) files.push(Buffer.from(reader.view()));
    else reader.skip(tag);
  }
  return files;
}
