/** A client that knows nothing but the .proto files, read at run time. */
import { join } from 'node:path';
import { type Client, credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { repositoryRoot } from './server-process.js';

type Method = (request: object, done: (error: Error | null, response: object) => void) => void;
type DynamicClient = Client & Readonly<Record<string, Method>>;
type ClientClass = new (address: string, credentials: object) => DynamicClient;

export class Dynamic {
  readonly #client: DynamicClient;

  constructor(address: string, service: 'KV' | 'Cluster') {
    const includeDirs = [join(repositoryRoot, 'proto')];
    const options = { includeDirs, longs: Number, enums: String };
    const file = service === 'KV' ? 'cashe/v1/kv.proto' : 'cashe/v1/cluster.proto';
    const loaded: unknown = loadPackageDefinition(loadSync(file, options));
    const { cashe } = loaded as { cashe: { v1: Record<string, ClientClass> } };
    const Class = cashe.v1[service];
    if (Class === undefined) throw new Error(`no service ${service}`);
    this.#client = new Class(address, credentials.createInsecure());
  }

  call(name: string, request: object): Promise<object> {
    return new Promise((resolve, reject) => {
      this.#client[name]?.(request, (error, response) => {
        if (error === null) resolve(response);
        else reject(error);
      });
    });
  }

  close(): void {
    this.#client.close();
  }
}
