import type { z } from 'zod';

/** One option. `T` is what its schema makes of a flag's text or a file's value. */
export interface OptionSpec<T> {
  readonly schema: z.ZodType<T>;
  /** Absent: only a file or the environment can state it. */
  readonly flag?: {
    readonly name: `--${string}`;
    /** What follows the flag; absent: a switch. */
    readonly argument?: string;
    readonly repeatable?: boolean;
  };
  /** Further names, in files and in the environment. */
  readonly aliases?: readonly OptionAlias[];
  /** A list or a map: a variable of the environment has it as YAML or JSON. */
  readonly structured?: true;
  /** The cluster's own, the same on all nodes: what is not stated is whatever the cluster has. */
  readonly replicated?: true;
  readonly help: string;
  /** What holds where nothing is stated; absent: nothing does, or what `defaultText` says. */
  readonly fallback?: T;
  /** The default in words, where `fallback` does not say it. */
  readonly defaultText?: string;
  /** What the example file states where there is no `fallback`, as YAML. */
  readonly example?: string;
  /** A value as a file states it; absent: as it is. */
  format?(value: T): unknown;
  /** The same without what nobody should read; absent: nothing is secret. */
  redact?(value: T): unknown;
}

export interface OptionAlias {
  readonly key: string;
  /** What the option's schema is given for a value under this name; absent: the value. */
  read?(value: unknown): unknown;
}

/** The options of one section of a file: `section.name` → spec. */
export type OptionSpecs<V> = { readonly [K in keyof V]: OptionSpec<V[K]> };

/** The default as help and reference word it. */
export function defaultText({ defaultText, fallback, format }: OptionSpec<unknown>): string {
  if (defaultText !== undefined) return defaultText;
  if (fallback === undefined || (Array.isArray(fallback) && fallback.length === 0)) return 'none';
  if (typeof fallback === 'boolean') return fallback ? 'on' : 'off';
  return String(format === undefined ? fallback : format(fallback));
}
