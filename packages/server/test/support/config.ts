import { parseConfig } from '../../src/config/file.js';
import { type Resolved, resolveOptions } from '../../src/config/resolve.js';
import { type OptionKey, optionSpecs } from '../../src/config/schema.js';
import type { Given, Source } from '../../src/config/source.js';

/** Values as the command line would give them. */
export function flags(values: { readonly [K in OptionKey]?: unknown }): Source {
  const entries = Object.entries(values).map(([key, value]): [string, Given] => {
    const name = optionSpecs[key as OptionKey].flag?.name ?? key;
    return [key, { value, key: name, from: 'flag', place: () => ({}) }];
  });
  return new Map(entries);
}

export function resolve(
  values: { readonly [K in OptionKey]?: unknown } = {},
  yaml?: string,
  file = 'x.yaml',
): Resolved {
  const sources = [flags(values), ...(yaml === undefined ? [] : [parseConfig(yaml, file)])];
  return resolveOptions(sources, { terminal: false });
}

/** The message of what is thrown. */
export function problemOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  return 'nothing was thrown';
}
