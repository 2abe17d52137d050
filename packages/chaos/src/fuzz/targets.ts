/** What is fuzzed: ports of nodes, and for an index the one input that belongs to it. */
import type { SecureContextOptions } from 'node:tls';
import { SeededRandom } from '@cashe/simulator';
import { type CallInput, callInput } from './grpc-call.js';
import { type HttpSeed, http1Bytes } from './http1-bytes.js';
import { http2Bytes } from './http2-bytes.js';
import { strangeBytes } from './plain-bytes.js';
import { type BytesInput, bytesInput } from './raw-port.js';
import type { MethodSeed } from './seeds.js';

/** A port of one node. */
export interface Target {
  readonly name: string;
  readonly address: string;
  /** How to connect when the port speaks TLS. */
  readonly tls: SecureContextOptions | undefined;
  readonly speaks: Speech;
}

type Speech =
  | { readonly kind: 'grpc'; readonly seeds: readonly MethodSeed[] }
  | { readonly kind: 'http'; readonly seeds: readonly HttpSeed[] };

export interface FuzzInput {
  readonly target: Target;
  /** Below TLS: what arrives is not even encrypted. */
  readonly isBare: boolean;
  readonly input: CallInput | BytesInput;
}

/** Always the same for the same seed, index and number of targets. */
export function inputOf(seed: number, index: number, targets: readonly Target[]): FuzzInput {
  const random = new SeededRandom(Math.imul(seed, 0x9e3779b1) + index);
  const target = random.pick(targets);
  if (random.chance(0.08)) {
    return { target, isBare: true, input: bytesInput(random, strangeBytes(random)) };
  }
  const { speaks } = target;
  if (speaks.kind === 'http') {
    const parts = http1Bytes(random, speaks.seeds);
    return { target, isBare: false, input: bytesInput(random, parts) };
  }
  if (random.chance(0.75)) {
    return { target, isBare: false, input: callInput(random, speaks.seeds) };
  }
  const paths = speaks.seeds.map(({ path }) => path);
  return { target, isBare: false, input: bytesInput(random, http2Bytes(random, paths)) };
}
