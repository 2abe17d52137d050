// The descriptor set is what reflection serves: it must describe what the generated code speaks.
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import {
  ClusterService,
  descriptorSetBase64,
  HealthService,
  KVService,
  RaftService,
} from '@cashe/proto';
import { describe, expect, it } from '@jest/globals';

const { file: files } = fromBinary(
  FileDescriptorSetSchema,
  new Uint8Array(Buffer.from(descriptorSetBase64, 'base64')),
);

describe('the descriptor set', () => {
  it('has every method of the generated services under its path', () => {
    const described = files.flatMap((file) =>
      file.service.flatMap((service) =>
        service.method.map((method) => `/${file.package}.${service.name}/${method.name}`),
      ),
    );
    const generated = [KVService, ClusterService, RaftService, HealthService].flatMap((service) =>
      Object.values(service).map(({ path }) => path),
    );
    expect(described.sort()).toEqual(generated.sort());
  });

  it('has each file after those it imports, and leaves none out', () => {
    const seen = new Set<string>();
    for (const file of files) {
      expect(file.dependency.filter((name) => !seen.has(name))).toEqual([]);
      seen.add(file.name);
    }
    expect(seen.size).toBe(5);
  });
});
