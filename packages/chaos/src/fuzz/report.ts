import type { FuzzFigures } from './fuzz-run.js';

const mib = 2 ** 20;

/** For people: what happened, what was wrong, and how to see it again. */
export function describeFuzz(figures: FuzzFigures): string {
  const { seed, inputs, seconds, ends, findings, problems, defects, canary, memory } = figures;
  const perSecond = Math.round(inputs / seconds);
  return [
    `seed ${seed}: ${inputs} inputs in ${seconds.toFixed(1)} s (${perSecond}/s)`,
    ...[...ends].toSorted((a, b) => b[1] - a[1]).map(([name, count]) => `  ${name}: ${count}`),
    `canary: ${canary.writes} writes, ${canary.reads} reads, slowest ${canary.slowestMs} ms`,
    ...memory.map(
      ({ node, before, after, loopDelayMaxMs }) =>
        `${node}: heap ${toMib(before.heapUsedBytes)} -> ${toMib(after.heapUsedBytes)} MiB, ` +
        `outside ${toMib(before.externalBytes)} -> ${toMib(after.externalBytes)} MiB, ` +
        `resident ${toMib(before.rssBytes)} -> ${toMib(after.rssBytes)} MiB, ` +
        `sockets ${before.sockets} -> ${after.sockets}, ` +
        `timers ${before.timers} -> ${after.timers}, ` +
        `loop delay at most ${Math.round(loopDelayMaxMs)} ms`,
    ),
    ...defects.map(
      ({ node, suspects }) =>
        `KNOWN DEFECT of nghttp2 ${process.versions['nghttp2']} (CVE-2026-27135) ended ${node}, ` +
        `which was started again; its last inputs: ${suspects}`,
    ),
    ...findings.map(
      ({ index, target, what, problem }) =>
        `FOUND input ${index} (${target}, ${what}): ${problem}\n` +
        `  again: npm run fuzz -- --seed ${seed} --from ${index} --inputs 1`,
    ),
    ...problems.map((problem) => `FOUND ${problem}`),
    findings.length + problems.length === 0 ? 'survived' : 'did not survive',
  ].join('\n');
}

function toMib(bytes: number): number {
  return Math.round(bytes / mib);
}
