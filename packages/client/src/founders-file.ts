import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { CasheError } from './core/index.js';

/** The part of a node's configuration that says where the founders listen for clients. */
const foundersFile = z.object({
  cluster: z.object({ genesis: z.array(z.object({ client: z.string().min(1) })).min(1) }),
});

/** Client addresses of the founders named in a JSON or YAML file. */
export async function endpointsFrom(file: string): Promise<string[]> {
  try {
    // YAML 1.2 includes JSON.
    const document: unknown = parse(await readFile(file, 'utf8'));
    return foundersFile.parse(document).cluster.genesis.map(({ client }) => client);
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    const expected = 'cluster.genesis: [{ id, client, raft }]';
    const message = `${file} names no founders (${expected}): ${reason}`;
    throw new CasheError('INVALID_ARGUMENT', message, { outcome: 'notCommitted', cause });
  }
}
