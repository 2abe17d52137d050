/**
 * Reads options from variables of the environment: `cache.max_bytes` is CASHE_CACHE_MAX_BYTES, or
 * DCACHE_CACHE_MAX_BYTES. An empty variable states nothing, as compose files leave them.
 */
import { parseDocument } from 'yaml';
import { ConfigError } from './errors.js';
import { didYouMean } from './nearest.js';
import type { OptionSpec } from './option.js';
import { type OptionKey, type OptionName, optionNames, optionSpecs } from './schema.js';
import { type Given, readAs, type Source } from './source.js';

export type Variables = Readonly<Record<string, string | undefined>>;

interface EnvironmentConfig {
  readonly source: Source;
  /** The file to read when --config is not given. */
  readonly configFile: string | undefined;
  /** Variables that look like options and are none; each one line. */
  readonly warnings: readonly string[];
}

const prefixes = ['CASHE', 'DCACHE'] as const;
const configVariable = 'CONFIG';
const structuredCharactersMax = 256 * 1024;

/** Variables with our prefix that are no node's: gen.sh's, the client commands', compose files'. */
const otherVariables: ReadonlySet<string> = new Set([
  ...['CASHE_NODES', 'CASHE_ID', 'CASHE_ROLE'],
  ...['CASHE_ENDPOINT', 'CASHE_TOKEN'],
  ...['CASHE_CERTS', 'CASHE_IMAGE'],
]);

/** The name of an option's variable; `name` may be one of its aliases. */
export function variableOf(name: string, prefix: string = prefixes[0]): string {
  return `${prefix}_${name.replaceAll('.', '_').toUpperCase()}`;
}

/** Throws ConfigError for a variable that cannot be read, and for two that contradict. */
export function environmentConfig(variables: Variables): EnvironmentConfig {
  const options = new Map<string, OptionName>();
  for (const prefix of prefixes) {
    for (const [name, option] of optionNames) options.set(variableOf(name, prefix), option);
  }
  const configNames = prefixes.map((prefix) => `${prefix}_${configVariable}`);
  const warnings: string[] = [];
  const found = new Map<OptionKey | typeof configVariable, Found>();
  for (const [variable, text] of Object.entries(variables)) {
    if (text === undefined || text === '' || !isOurs(variable)) continue;
    const option = options.get(variable);
    const key = configNames.includes(variable) ? configVariable : option?.key;
    if (key === undefined) {
      warnings.push(...unknown(variable, text, [...options.keys(), ...configNames]));
      continue;
    }
    const first = found.get(key);
    if (first !== undefined && first.text !== text) throw contradiction(variable, first);
    found.set(key, { variable, text, option });
  }
  const source = new Map<OptionKey, Given>();
  for (const [key, one] of found) {
    if (key !== configVariable) source.set(key, givenBy(key, one));
  }
  return { source, configFile: found.get(configVariable)?.text, warnings };
}

interface Found {
  readonly variable: string;
  readonly text: string;
  readonly option: OptionName | undefined;
}

function isOurs(variable: string): boolean {
  return prefixes.some((prefix) => variable.startsWith(`${prefix}_`));
}

function contradiction(variable: string, first: Found): ConfigError {
  const other = `${first.variable} states the same option differently; unset one of the two`;
  return new ConfigError({ key: variable }, other);
}

/**
 * A warning, not an error: a Kubernetes service named `cashe` puts CASHE_PORT and others into the
 * environment of every pod, and those pass in silence.
 */
function unknown(variable: string, text: string, known: readonly string[]): string[] {
  const serviceLink = /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)/.test(variable);
  if (serviceLink || /^(tcp|udp|sctp):\/\//.test(text)) return [];
  if (otherVariables.has(variable)) return [];
  return [`${variable} in the environment is no option${didYouMean(variable, known)}`];
}

function givenBy(key: OptionKey, { variable, text, option }: Found): Given {
  const { structured }: OptionSpec<unknown> = optionSpecs[key];
  const plain = structured === true ? parsed(variable, text) : text;
  const value = option === undefined ? plain : readAs(option, plain);
  return { value, key: variable, from: 'environment', place: () => ({}) };
}

/** Lists and maps are YAML, of which JSON is a part. */
function parsed(variable: string, text: string): unknown {
  if (text.length > structuredCharactersMax) {
    throw new ConfigError({ key: variable }, `has more than ${structuredCharactersMax} characters`);
  }
  const document = parseDocument(text, { prettyErrors: false });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const { message } = problem;
    throw new ConfigError(
      { key: variable },
      `is not YAML or JSON: ${message.replaceAll('\n', ' ')}`,
    );
  }
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw new ConfigError({ key: variable }, (error as Error).message, { cause: error });
  }
}
