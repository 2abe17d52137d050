/** What a search has done so far, in one line. */
import { addStats, noStats, type RunStats } from './run-stats.js';

export class Progress {
  #runs = 0;
  #stats: RunStats = noStats;
  readonly #startMs: number;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  get runs(): number {
    return this.#runs;
  }

  add(stats: RunStats): void {
    this.#runs += 1;
    this.#stats = addStats(this.#stats, stats);
  }

  line(nowMs: number): string {
    const { virtualMs, calls, unknown, undecided, faults } = this.#stats;
    const wallMs = Math.max(1, nowMs - this.#startMs);
    const perSecond = (this.#runs * 1000) / wallMs;
    const byKind = [...faults].sort(([one], [other]) => (one < other ? -1 : 1));
    const injected = byKind.reduce((sum, [, count]) => sum + count, 0);
    return [
      `${(wallMs / 1000).toFixed(0)} s`,
      `${this.#runs} runs, ${perSecond.toFixed(1)}/s`,
      `${(virtualMs / 3_600_000).toFixed(2)} h simulated, ${(virtualMs / wallMs).toFixed(0)}×`,
      `${calls} calls, ${unknown} unknown, ${undecided} undecided`,
      `${injected} faults: ${byKind.map(([kind, count]) => `${kind} ${count}`).join(' ')}`,
    ].join(' · ');
  }
}
