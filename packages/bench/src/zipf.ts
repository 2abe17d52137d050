/** Requests as caches see them: few keys often, many seldom. The same seed gives the same keys. */

interface ZipfOptions {
  readonly seed: number;
  readonly keys: number;
  /** Key of rank r is asked for in proportion to 1 / r^exponent. */
  readonly exponent: number;
}

/** Endless. */
export function* zipfKeys(options: ZipfOptions): Generator<string, never> {
  const cumulative = cumulativeWeights(options);
  const total = cumulative.at(-1) ?? 0;
  const random = mulberry32(options.seed);
  while (true) yield `key-${firstAtLeast(cumulative, random() * total)}`;
}

function cumulativeWeights({ keys, exponent }: ZipfOptions): Float64Array {
  const cumulative = new Float64Array(keys);
  let sum = 0;
  for (let rank = 1; rank <= keys; rank += 1) {
    sum += rank ** -exponent;
    cumulative[rank - 1] = sum;
  }
  return cumulative;
}

/** Index of the first element that is not below `wanted`. */
function firstAtLeast(ascending: Float64Array, wanted: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Mulberry32 (Tommy Ettinger, public domain): uniform in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
