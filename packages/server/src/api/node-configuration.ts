/** What counts for this node alone and can change while it runs: how much it logs, some limits. */
import { type ConfigureNodeRequest, type ConfigureNodeResponse, LogLevel } from '@cashe/proto';
import type { LogLevel as LevelName } from '../config/options.js';
import { invalidArgument } from './failure.js';
import type { ApiLimits } from './limits.js';

export interface LogLevelControl {
  readonly level: LevelName;
  /** undefined: the log belongs to the program that the node is part of. */
  readonly set: ((level: LevelName) => void) | undefined;
}

export const noLogLevel: LogLevelControl = { level: 'info', set: undefined };

/** All of them are read anew whenever they decide something. */
type ChangeableLimit =
  | 'unaryCallsMax'
  | 'sessionStreamsMax'
  | 'watchStreamsMax'
  | 'ownSessionPrincipalsMax'
  | 'totalBytesMax';

type LiveLimits = { -readonly [Name in ChangeableLimit]: ApiLimits[Name] } & ApiLimits;

const COUNT_MAX = 1_000_000;
/** The largest batch at the largest value limit: a stream must be able to carry one. */
const TOTAL_BYTES_MIN = 16 * 1024 * 1024;

export class NodeConfiguration {
  readonly #limits: LiveLimits;
  readonly #setLevel: LogLevelControl['set'];
  #level: LevelName;

  constructor(limits: ApiLimits, logLevel: LogLevelControl) {
    this.#limits = { ...limits };
    this.#level = logLevel.level;
    this.#setLevel = logLevel.set;
  }

  /** One object, whose fields change. */
  get limits(): ApiLimits {
    return this.#limits;
  }

  /** Changes all that is stated, or throws and changes nothing. */
  change(request: ConfigureNodeRequest): void {
    const level = this.#levelOf(request.logLevel);
    const limits = changedLimits(request);
    if (level !== undefined) {
      this.#level = level;
      this.#setLevel?.(level);
    }
    Object.assign(this.#limits, limits);
  }

  view(nodeId: string): ConfigureNodeResponse {
    const { unaryCallsMax, sessionStreamsMax, watchStreamsMax, totalBytesMax } = this.#limits;
    const principalsMax = this.#limits.ownSessionPrincipalsMax;
    return {
      nodeId,
      logLevel: levelNumbers[this.#level],
      ...{ unaryCallsMax, sessionStreamsMax, watchStreamsMax, totalBytesMax, principalsMax },
    };
  }

  #levelOf(number: LogLevel): LevelName | undefined {
    if (number === LogLevel.UNSPECIFIED) return undefined;
    const level = levels.find((name) => levelNumbers[name] === number);
    if (level === undefined) {
      const allowed = 'LOG_LEVEL_ERROR, _WARN, _INFO and _DEBUG are allowed';
      throw invalidArgument(`log_level is ${number}; ${allowed}`);
    }
    if (this.#setLevel === undefined) {
      throw invalidArgument('log_level belongs to the program that this node is embedded in');
    }
    return level;
  }
}

const levels: readonly LevelName[] = ['error', 'warn', 'info', 'debug'];
const levelNumbers = {
  error: LogLevel.ERROR,
  warn: LogLevel.WARN,
  info: LogLevel.INFO,
  debug: LogLevel.DEBUG,
} as const satisfies Record<LevelName, LogLevel>;

function changedLimits(request: ConfigureNodeRequest): Partial<LiveLimits> {
  const { unaryCallsMax, sessionStreamsMax, watchStreamsMax, principalsMax } = request;
  const { totalBytesMax } = request;
  requireRange('unary_calls_max', unaryCallsMax, 1, COUNT_MAX);
  requireRange('session_streams_max', sessionStreamsMax, 1, COUNT_MAX);
  requireRange('watch_streams_max', watchStreamsMax, 1, COUNT_MAX);
  requireRange('principals_max', principalsMax, 1, COUNT_MAX);
  requireRange('total_bytes_max', totalBytesMax, TOTAL_BYTES_MIN, Number.MAX_SAFE_INTEGER);
  return {
    ...(unaryCallsMax !== undefined && { unaryCallsMax }),
    ...(sessionStreamsMax !== undefined && { sessionStreamsMax }),
    ...(watchStreamsMax !== undefined && { watchStreamsMax }),
    ...(principalsMax !== undefined && { ownSessionPrincipalsMax: principalsMax }),
    ...(totalBytesMax !== undefined && { totalBytesMax }),
  };
}

function requireRange(field: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined || (value >= min && value <= max)) return;
  throw invalidArgument(`${field} is ${value}; ${min} to ${max} are allowed`);
}
