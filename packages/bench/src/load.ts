/** The load itself: callers that each wait for an answer before they ask again. */
import { build } from 'hdr-histogram-js';

interface LoadOptions {
  readonly callers: number;
  readonly seconds: number;
  readonly keys: readonly string[];
}

export interface LoadResult {
  readonly ops: number;
  /** Until the last answer. */
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const microsPerMs = 1_000;
/** An op that takes longer counts as this. */
const microsMax = 60_000_000;
/** Keys between one caller's first key and the next one's: they do not go in step. */
const stride = 7_919;

/** Rejects with the first error: a load that fails measures nothing. */
export async function runLoad(
  { callers, seconds, keys }: LoadOptions,
  op: (key: string) => Promise<unknown>,
): Promise<LoadResult> {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: microsMax,
    numberOfSignificantValueDigits: 3,
  });
  const startMs = performance.now();
  const endMs = startMs + seconds * 1_000;
  let failed = false;
  const caller = async (index: number): Promise<void> => {
    let at = (index * stride) % keys.length;
    let nowMs = performance.now();
    while (nowMs < endMs && !failed) {
      await op(keys[at] as string);
      at = (at + 1) % keys.length;
      const doneMs = performance.now();
      const micros = Math.round((doneMs - nowMs) * microsPerMs);
      histogram.recordValue(Math.min(Math.max(micros, 1), microsMax));
      nowMs = doneMs;
    }
  };
  try {
    await Promise.all(Array.from({ length: callers }, (_, index) => caller(index)));
  } finally {
    failed = true;
  }
  // A percentile is the upper end of its bucket, which can be above the largest value in it.
  const percentileMs = (percentile: number): number =>
    Math.min(histogram.getValueAtPercentile(percentile), histogram.maxValue) / microsPerMs;
  return {
    ops: histogram.totalCount,
    seconds: (performance.now() - startMs) / 1_000,
    p50Ms: percentileMs(50),
    p99Ms: percentileMs(99),
    maxMs: histogram.maxValue / microsPerMs,
  };
}
