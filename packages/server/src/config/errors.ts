/** Where a value was stated. */
export interface ConfigPlace {
  /** The option: `--capacity` for a flag, `cache.capacity` in a file. */
  readonly key: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
}

/** The configuration is wrong; the message is one line: where, what, and what is allowed. */
export class ConfigError extends Error {
  readonly key: string;
  readonly file: string | undefined;
  readonly line: number | undefined;

  constructor(place: ConfigPlace, problem: string, options?: ErrorOptions) {
    super(`${placeText(place)}: ${problem}`, options);
    this.name = 'ConfigError';
    this.key = place.key;
    this.file = place.file;
    this.line = place.line;
  }
}

function placeText({ key, file, line }: ConfigPlace): string {
  if (file === undefined) return key;
  const position = line === undefined ? file : `${file}:${line}`;
  return key === '' ? position : `${position}: ${key}`;
}

/** A refused value as people read it in a message: short, on one line. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax)}…` : text;
}

const shownCharactersMax = 60;
