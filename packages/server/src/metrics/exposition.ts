/** The text of a scrape: one is made at a time, and shared by whoever asks meanwhile. */
import type { Registry } from 'prom-client';

/** A text is handed out again for this long, so that scrapes cost the same however many ask. */
const reuseMs = 250;

export const textType = 'text/plain; version=0.0.4; charset=utf-8';
export const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export class Exposition {
  readonly #registry: Registry;
  readonly #refresh: () => void;
  readonly #nowMs: () => number;
  #text: Promise<string> | undefined;
  #madeAtMs = 0;

  constructor(registry: Registry, refresh: () => void, nowMs: () => number) {
    this.#registry = registry;
    this.#refresh = refresh;
    this.#nowMs = nowMs;
  }

  text(): Promise<string> {
    const nowMs = this.#nowMs();
    if (this.#text === undefined || nowMs - this.#madeAtMs >= reuseMs) {
      this.#madeAtMs = nowMs;
      const text = Promise.resolve().then(() => this.#make());
      this.#text = text;
      return text;
    }
    return this.#text;
  }

  async #make(): Promise<string> {
    try {
      this.#refresh();
      return await this.#registry.metrics();
    } catch (error) {
      // Whoever waits for it is told; the next one asks anew.
      this.#text = undefined;
      throw error;
    }
  }
}

/**
 * The same in OpenMetrics. prom-client's own switch renames the counters of a registry for good,
 * and one registry serves both kinds of scraper here.
 */
export function toOpenMetrics(text: string): string {
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^# (HELP|TYPE) (\S+)_total /, '# $1 $2 '));
  return `${lines.join('\n')}\n# EOF\n`;
}

/** Whether an Accept header prefers OpenMetrics, as Prometheus does. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  return accept?.includes('application/openmetrics-text') === true;
}
