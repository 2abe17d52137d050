// Writes to a cluster without a pause until SIGTERM and says how long an answer took at most; then
// reads back what was acknowledged. SIGUSR2 prints the longest time since the last one and starts
// measuring anew. Exits 1 when a write failed for good or an acknowledged one is not there.
//   node availability.mjs [--tls DIRECTORY] HOST:PORT...
import { readArguments, run } from './connect.mjs';

/** An outage that lasts longer is a failure. */
const timeoutMs = 30_000;
const keysMax = 64;
/** Between two writes: outages are to be measured, not the throughput. */
const pauseMs = 2;

/** Writes rising numbers to a ring of keys, one at a time; returns what was acknowledged last. */
async function write(cashe, prefix, state) {
  const acknowledged = new Map();
  for (let number = 0; !state.stopping; number += 1) {
    const key = `${prefix}:${number % keysMax}`;
    const start = performance.now();
    await cashe.set(key, String(number), { timeoutMs });
    acknowledged.set(key, String(number));
    state.longestMs = Math.max(state.longestMs, performance.now() - start);
    state.count += 1;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return acknowledged;
}

async function readBack(cashe, acknowledged) {
  for (const [key, value] of acknowledged) {
    const found = await cashe.get(key);
    if (found !== value) throw new Error(`${key} is ${found}; ${value} was acknowledged`);
    await cashe.delete(key);
  }
}

await run(async () => {
  const { endpoints, open } = readArguments();
  const state = { stopping: false, longestMs: 0, count: 0 };
  const report = () => {
    process.stdout.write(`longest ${Math.ceil(state.longestMs)} ms of ${state.count} writes\n`);
    state.longestMs = 0;
    state.count = 0;
  };
  process.on('SIGUSR2', report);
  process.on('SIGTERM', () => {
    state.stopping = true;
  });
  const cashe = await open(endpoints, 'availability');
  try {
    process.stdout.write('writing\n');
    const acknowledged = await write(cashe, `availability:${Date.now()}`, state);
    report();
    await readBack(cashe, acknowledged);
    process.stdout.write('all acknowledged writes are there\n');
  } finally {
    await cashe.close();
  }
});
