import {
  deriveLimits,
  encodedOpBytes,
  envelopeBytesMax,
  opFor,
  RECENCY_HINTS_MAX,
  recencyHintBytesMax,
  VALUE_BYTES_MAX_DEFAULT,
} from '@cashe/codec';
import { blockBytes } from '@cashe/server/simulation';
import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../src/random.js';
import { steadyLoad } from '../src/steady-load.js';
import { type Swarm, swarmOf } from '../src/swarm.js';

const LONGEST_KEY = 'k199';
const LONGEST_PRINCIPAL = 'client/u99';
const LONGEST_TTL_MS = 86_400_000;
const ENTRY_FRAMING_BYTES = 1_024;

/** What a node proposes as one entry after it was paused for long: R20 holds here as anywhere. */
function largestEntryBytes({ valueBytes }: Swarm): number {
  const { batchBytesMax, batchOpsMax } = deriveLimits(VALUE_BYTES_MAX_DEFAULT);
  const op = opFor.set(LONGEST_KEY, new Uint8Array(valueBytes), LONGEST_TTL_MS, true);
  return (
    Math.min(batchBytesMax, batchOpsMax * encodedOpBytes(op)) +
    envelopeBytesMax(LONGEST_PRINCIPAL, batchOpsMax) +
    RECENCY_HINTS_MAX * recencyHintBytesMax(LONGEST_KEY) +
    ENTRY_FRAMING_BYTES
  );
}

describe('the log of a simulated node', () => {
  const drawn = Array.from({ length: 100 }, (_, seed) => swarmOf(new SeededRandom(seed)));
  const swarms = [...drawn, ...drawn.slice(0, 1).map(steadyLoad)];

  it('is drawn for small, middle and large values', () => {
    expect(new Set(drawn.map(({ valueBytes }) => valueBytes))).toEqual(new Set([12, 200, 1_500]));
  });

  it('has blocks that hold the largest entry, and segments that hold two blocks', () => {
    for (const swarm of swarms) {
      expect(swarm.blockBytesMax).toBeGreaterThan(largestEntryBytes(swarm));
      expect(swarm.segmentBytes).toBeGreaterThanOrEqual(2 * blockBytes(swarm.blockBytesMax));
    }
  });
});
