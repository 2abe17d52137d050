/** A file in Cashe's own shape: sections with the options as their keys. */
import { ConfigError } from './errors.js';
import { didYouMean } from './nearest.js';
import { type OptionName, optionNames, sectionOf } from './schema.js';
import { type Given, readAs, type Source } from './source.js';
import type { Pair, Tree } from './tree.js';

export const sectionNames: ReadonlySet<string> = new Set([...optionNames.keys()].map(sectionOf));

/** Appends to `errors` what is wrong with the keys. */
export function sectionsSource(tree: Tree, errors: ConfigError[]): Source {
  const source = new Map<string, Given>();
  for (const section of tree.pairs([], errors)) {
    if (sectionNames.has(section.name)) readSection(tree, section, source, errors);
    else errors.push(unknownSection(tree, section));
  }
  return source;
}

function unknownSection(tree: Tree, { name, line }: Pair): ConfigError {
  const canonical = new Set([...optionNames.values()].map(({ key }) => sectionOf(key)));
  const known = [...canonical].join(', ');
  const hint = didYouMean(name, sectionNames) || ` (sections: ${known})`;
  return tree.error(name, line, `unknown section${hint}`);
}

function readSection(
  tree: Tree,
  section: Pair,
  source: Map<string, Given>,
  errors: ConfigError[],
): void {
  for (const { name, line } of tree.pairs([section.name], errors)) {
    const key = `${section.name}.${name}`;
    const option = optionNames.get(key);
    const other = option && source.get(option.key);
    if (option === undefined) {
      errors.push(tree.error(key, line, `unknown key${nearestKey(section.name, name)}`));
    } else if (other !== undefined) {
      const both = `is another name of ${other.key}, which is stated too; remove one of the two`;
      errors.push(tree.error(key, line, both));
    } else {
      const given = givenAt(tree, [section.name, name], option, errors);
      if (given !== undefined) source.set(option.key, given);
    }
  }
}

function givenAt(
  tree: Tree,
  at: readonly string[],
  option: OptionName,
  errors: ConfigError[],
): Given | undefined {
  const key = at.join('.');
  try {
    const value = readAs(option, tree.value(at, key));
    return { value, key, from: 'file', place: (path) => tree.place([...at, ...path]) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    errors.push(error);
    return undefined;
  }
}

/** The key may be misspelt, or right and in the wrong section. */
function nearestKey(section: string, name: string): string {
  const all = [...optionNames.keys()];
  const elsewhere = all.find((key) => key.endsWith(`.${name}`));
  if (elsewhere !== undefined) return `; did you mean ${elsewhere}?`;
  const names = all.filter((key) => sectionOf(key) === section);
  const near = didYouMean(`${section}.${name}`, names);
  return near || ` (keys here: ${names.map((key) => key.slice(section.length + 1)).join(', ')})`;
}
