/** Reads a configuration file, YAML or JSON, as one source of option values. */
import { readFileSync, statSync } from 'node:fs';
import { ConfigError } from './errors.js';
import { isMinicache, minicacheSource } from './minicache.js';
import { sectionsSource } from './sections-file.js';
import type { Source } from './source.js';
import { Tree } from './tree.js';

export const configBytesMax: number = 1024 * 1024;

/** What a file states, and what is wrong with its keys; its values are checked when resolved. */
interface ConfigFile {
  readonly source: Source;
  readonly errors: readonly ConfigError[];
}

/** Throws ConfigError when the file cannot be read or parsed, or has a key that is no option. */
export function readConfigFile(file: string): Source {
  return parseConfig(readConfigText(file), file);
}

export function readConfigText(file: string): string {
  try {
    const { size } = statSync(file);
    if (size <= configBytesMax) return readFileSync(file, 'utf8');
    throw new ConfigError({ key: '', file }, `is larger than ${configBytesMax} bytes`);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new ConfigError({ key: '', file }, `cannot be read (${reason})`, { cause: error });
  }
}

export function parseConfig(content: string, file: string): Source {
  const { source, errors } = examineConfig(content, file);
  if (errors[0] !== undefined) throw errors[0];
  return source;
}

/** The same with all that is wrong. */
export function examineConfig(content: string, file: string): ConfigFile {
  const tree = new Tree(content, file);
  const broken = tree.syntaxErrors();
  if (broken.length > 0) return { source: new Map(), errors: broken };
  const errors: ConfigError[] = [];
  const source = isMinicache(tree) ? minicacheSource(tree, errors) : sectionsSource(tree, errors);
  return { source, errors };
}
