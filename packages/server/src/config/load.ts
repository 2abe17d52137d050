/** All sources of a process together: flags, then the environment, then the file. */
import { environmentConfig, type Variables } from './environment.js';
import { readConfigFile } from './file.js';
import { type Resolved, resolveOptions } from './resolve.js';
import type { Source } from './source.js';

interface LoadInput {
  readonly flags: Source;
  /** --config; undefined: what the environment names, or none. */
  readonly configFile: string | undefined;
  readonly variables: Variables;
  /** The log goes to a terminal. */
  readonly terminal: boolean;
}

export interface Loaded extends Resolved {
  /** For the log: nothing that keeps a node from starting. */
  readonly warnings: readonly string[];
}

/** Throws ConfigError. */
export function loadConfig(input: LoadInput): Loaded {
  const environment = environmentConfig(input.variables);
  const file = input.configFile ?? environment.configFile;
  const sources = [input.flags, environment.source];
  if (file !== undefined) sources.push(readConfigFile(file));
  const resolved = resolveOptions(sources, { terminal: input.terminal });
  return { ...resolved, warnings: environment.warnings };
}
