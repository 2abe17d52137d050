/**
 * The audit log: who did or was denied what, as lines of the node's own log that all carry
 * `audit: true`. Keys never appear whole. Callers cannot flood it: each has so many lines per
 * window, and what is left out is counted and told when the window ends.
 */
import type { AuditLevel } from '../config/options.js';
import type {
  AccessAudit,
  AuditEvent,
  Clock,
  Logger,
  Scheduler,
  TimerHandle,
} from '../host/index.js';
import type { RefusalReporter } from '../metrics/reporters.js';

interface AuditLimits {
  readonly windowMs: number;
  /** Lines of one principal and class per window. */
  readonly linesMax: number;
  /** All lines per window. */
  readonly totalLinesMax: number;
  /** Principals counted apart; further ones share one count. */
  readonly principalsMax: number;
}

const defaultAuditLimits: AuditLimits = {
  windowMs: 10_000,
  linesMax: 50,
  totalLinesMax: 1_000,
  principalsMax: 1_024,
};

interface AuditLogOptions {
  readonly level: AuditLevel;
  readonly log: Logger;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly scheduler: Pick<Scheduler, 'after'>;
  readonly limits?: AuditLimits;
  /** Counts denials, also those that the log leaves out. */
  readonly refusals?: RefusalReporter | undefined;
}

/** Counted apart, so that a flood of one does not hide the others. */
type AuditClass = 'denial' | 'admin' | 'data';

interface Count {
  readonly principal: string;
  lines: number;
  leftOut: number;
}

export class AuditLog implements AccessAudit {
  readonly withDataOps: boolean;
  readonly #options: AuditLogOptions;
  readonly #limits: AuditLimits;
  readonly #counts: Map<string, Count> = new Map();
  #totalLines = 0;
  #windowEndMs = 0;
  #timer: TimerHandle | undefined;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#limits = options.limits ?? defaultAuditLimits;
    this.withDataOps = options.level === 'all';
  }

  record(event: AuditEvent): void {
    const { level, clock, refusals } = this.#options;
    if (event.outcome === 'denied') refusals?.refused('permission');
    const kind = classOf(event);
    if (level === 'none' || (kind === 'data' && level !== 'all')) return;
    if (clock.nowMs() >= this.#windowEndMs) this.#startWindow();
    const count = this.#countOf(kind, event.principal);
    const { linesMax, totalLinesMax } = this.#limits;
    if (count.lines >= linesMax || this.#totalLines >= totalLinesMax) {
      count.leftOut += 1;
      this.#timer ??= this.#tellAtWindowEnd();
      return;
    }
    count.lines += 1;
    this.#totalLines += 1;
    this.#write(event);
  }

  /** Tells what was left out so far; nothing is logged later. */
  close(): void {
    this.#tellLeftOut();
  }

  #write({ principal, action, target, ops, outcome }: AuditEvent): void {
    const { log } = this.#options;
    const isData = action === 'read' || action === 'write';
    const about = isData ? { prefix: startOf(target), ops } : { target };
    const line = { audit: true, principal, action, ...about, outcome };
    if (outcome === 'denied' || outcome === 'unauthenticated') log.warn('audit', line);
    else log.info('audit', line);
  }

  #countOf(kind: AuditClass, principal: string): Count {
    const name = `${kind} ${principal}`;
    const known = this.#counts.get(name);
    if (known !== undefined) return known;
    const isFull = this.#counts.size >= this.#limits.principalsMax;
    const key = isFull ? `${kind} ${OTHERS}` : name;
    const shared = this.#counts.get(key);
    if (shared !== undefined) return shared;
    const count = { principal: isFull ? OTHERS : principal, lines: 0, leftOut: 0 };
    this.#counts.set(key, count);
    return count;
  }

  #startWindow(): void {
    this.#tellLeftOut();
    this.#counts.clear();
    this.#totalLines = 0;
    this.#windowEndMs = this.#options.clock.nowMs() + this.#limits.windowMs;
  }

  #tellAtWindowEnd(): TimerHandle {
    const { scheduler, clock } = this.#options;
    const delayMs = Math.max(1, this.#windowEndMs - clock.nowMs());
    return scheduler.after(delayMs, () => this.#tellLeftOut());
  }

  #tellLeftOut(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const count of this.#counts.values()) {
      if (count.leftOut === 0) continue;
      const { principal, leftOut } = count;
      count.leftOut = 0;
      this.#options.log.warn('audit lines left out', { audit: true, principal, leftOut });
    }
  }
}

/** No principal has this name. */
const OTHERS = '*';

function classOf({ action, outcome }: AuditEvent): AuditClass {
  if (outcome === 'denied' || outcome === 'unauthenticated') return 'denial';
  return action === 'read' || action === 'write' ? 'data' : 'admin';
}

const SHOWN_MAX = 8;

/** What a key starts with: at most half of it, since keys may be secrets (session ids). */
function startOf(key: string): string {
  const characters = Array.from(key.slice(0, SHOWN_MAX * 4));
  const shown = Math.min(SHOWN_MAX, Math.floor(characters.length / 2));
  return `${characters.slice(0, shown).join('')}…`;
}
