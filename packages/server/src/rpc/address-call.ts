/** One call to whoever listens for peers at an address: there is no link to it yet. */
import { plainReason } from '../net/plain-reason.js';
import { createPeerClient, resolveAddress } from './dial.js';
import type { TransportOptions } from './options.js';
import { callUnary, type UnaryMethod } from './service.js';

interface AddressCall {
  readonly address: string;
  readonly method: UnaryMethod;
  readonly request: Buffer;
  readonly timeoutMs: number;
}

export interface AddressAnswer {
  readonly bytes: Buffer;
  /** Who answered as its certificate says; undefined without TLS. */
  readonly certifiedId: string | undefined;
}

/** Resolves with the answer, or with why there is none in plain words. */
export function callAddress(
  options: TransportOptions,
  { address, method, request, timeoutMs }: AddressCall,
): Promise<AddressAnswer | string> {
  return new Promise((resolve) => {
    // Any of a host's IPs: the next attempt may take another one.
    const choice = Math.floor(options.random() * 64);
    resolveAddress(address, choice, (problem, target) => {
      if (target === undefined) {
        resolve(problem ?? 'unknown host name');
        return;
      }
      let certifiedId: string | undefined;
      const onNode = (nodeId: string): void => {
        certifiedId = nodeId;
      };
      const client = createPeerClient(target, options, { nodeId: undefined, onNode });
      callUnary(client, method, request, timeoutMs, (error, response) => {
        client.close();
        if (error === null && response !== undefined) resolve({ bytes: response, certifiedId });
        else resolve(error === null ? 'no answer' : plainReason(error.details));
      });
    });
  });
}

/** Why the answer of who says it is this node does not count; undefined when it does. */
export function answererProblem(answer: AddressAnswer, nodeId: string): string | undefined {
  const { certifiedId } = answer;
  if (certifiedId === undefined || certifiedId === nodeId) return undefined;
  return `IDENTITY_MISMATCH: answered as node ${nodeId}, with the certificate of ${certifiedId}`;
}
