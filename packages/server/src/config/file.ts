/** Reads a configuration file, YAML or JSON, as one source of option values. */
import { readFileSync, statSync } from 'node:fs';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { ConfigError, show } from './errors.js';
import { didYouMean } from './nearest.js';
import type { Given, Source } from './resolve.js';
import { optionKeys } from './schema.js';

export const configBytesMax: number = 1024 * 1024;

/** Throws ConfigError when the file cannot be read or parsed, or has a key that is no option. */
export function readConfigFile(file: string): Source {
  return parseConfig(readText(file), file);
}

function readText(file: string): string {
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
  const lineCounter = new LineCounter();
  const document = parseDocument(content, { lineCounter, prettyErrors: false });
  const lineAt = (offset: number | undefined): number | undefined =>
    offset === undefined ? undefined : lineCounter.linePos(offset).line;
  const bad = [...document.errors, ...document.warnings][0];
  if (bad !== undefined) throw refuse(file, '', lineAt(bad.pos[0]), bad.message);
  if (/\.json$/i.test(file)) requireJson(content, file, lineAt);
  return readSections(document, file, lineAt);
}

function refuse(file: string, key: string, line: number | undefined, what: string): ConfigError {
  return new ConfigError(line === undefined ? { key, file } : { key, file, line }, what);
}

/** What ends in .json is JSON for every reader of it, not only for those that take YAML. */
function requireJson(content: string, file: string, lineAt: LineAt): void {
  try {
    JSON.parse(content);
  } catch (error) {
    const { message } = error as SyntaxError;
    const position = /at position ([0-9]+)/.exec(message)?.[1];
    const line = lineAt(position === undefined ? undefined : Number(position));
    throw refuse(file, '', line, `is not JSON: ${message}`);
  }
}

type LineAt = (offset: number | undefined) => number | undefined;

function readSections(document: Document.Parsed, file: string, lineAt: LineAt): Source {
  const source = new Map<string, Given>();
  const sections = new Set(optionKeys.map((key) => key.slice(0, key.indexOf('.'))));
  for (const [section, value, line] of pairsOf(document.contents, '', file, lineAt)) {
    if (!sections.has(section)) {
      const known = [...sections].join(', ');
      const hint = didYouMean(section, sections) || ` (sections: ${known})`;
      throw refuse(file, section, line, `unknown section${hint}`);
    }
    for (const [name, , keyLine] of pairsOf(value, section, file, lineAt)) {
      const key = `${section}.${name}`;
      if (!optionKeys.some((known) => known === key)) {
        throw refuse(file, key, keyLine, `unknown key${nearestKey(section, name)}`);
      }
      const plain = plainValue(document, value, name, (what) => refuse(file, key, keyLine, what));
      const place = (path: readonly PropertyKey[]): { file: string; line?: number } => {
        const at = lineAt(offsetIn(document, [section, name, ...path]));
        return at === undefined ? { file } : { file, line: at };
      };
      source.set(key, { value: plain, key, place, from: 'file' });
    }
  }
  return source;
}

/** Fails for an alias to nothing, and for aliases that multiply. */
function plainValue(
  document: Document.Parsed,
  section: unknown,
  name: string,
  refused: (what: string) => ConfigError,
): unknown {
  try {
    const node = isMap(section) ? section.get(name, true) : undefined;
    return node?.toJS(document, { maxAliasCount: aliasesMax }) ?? null;
  } catch (error) {
    throw refused((error as Error).message);
  }
}

const aliasesMax = 16;

/** The key may be misspelt, or right and in the wrong section. */
function nearestKey(section: string, name: string): string {
  const elsewhere = optionKeys.find((key) => key.endsWith(`.${name}`));
  if (elsewhere !== undefined) return `; did you mean ${elsewhere}?`;
  const names = optionKeys.filter((key) => key.startsWith(`${section}.`));
  const near = didYouMean(`${section}.${name}`, names);
  return near || ` (keys here: ${names.map((key) => key.slice(section.length + 1)).join(', ')})`;
}

type Pair = readonly [name: string, value: unknown, line: number | undefined];

/** The pairs of a map with their lines; nothing (`cache:` with all below commented) is fine. */
function pairsOf(node: unknown, key: string, file: string, lineAt: LineAt): Pair[] {
  if (node === null || (isScalar(node) && node.value === null)) return [];
  if (!isMap(node)) {
    const line = isNode(node) ? lineAt(node.range?.[0]) : undefined;
    throw refuse(file, key, line, 'must be a map of keys to values');
  }
  return node.items.map((pair): Pair => {
    const name = isScalar(pair.key) ? pair.key : undefined;
    const line = lineAt(name?.range?.[0]);
    if (typeof name?.value === 'string') return [name.value, pair.value, line];
    throw refuse(file, key, line, `has a key that is not a word: ${show(name?.value)}`);
  });
}

/** Where the node at the path begins; for a missing key, where its parent does. */
function offsetIn(document: Document.Parsed, path: readonly PropertyKey[]): number | undefined {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return undefined;
}
