/** `buf curl`: a gRPC client from elsewhere that learns the services by reflection. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from './server-process.js';

export type ReflectionVersion = 'grpc-v1' | 'grpc-v1alpha';

const buf = join(repositoryRoot, 'node_modules/.bin/buf');
const outputBytesMax = 16 * 1024 * 1024;

/** Standard output; rejects with what the command complained of. */
export function bufCurl(
  address: string,
  version: ReflectionVersion,
  path: string,
  ...args: readonly string[]
): Promise<string> {
  const fixed = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge'];
  const all = [...fixed, '--reflect-protocol', version, ...args, `http://${address}${path}`];
  return new Promise((resolve, reject) => {
    execFile(buf, all, { maxBuffer: outputBytesMax }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`buf ${all.join(' ')}: ${stderr}`, { cause: error }));
    });
  });
}
