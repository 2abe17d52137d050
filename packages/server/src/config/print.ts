/** The effective configuration as text: a file that states the same, with each value's origin. */
import { stringify } from 'yaml';
import type { Effective } from './effective.js';
import { defaultText, type OptionSpec } from './option.js';
import type { Origin } from './resolve.js';
import { type OptionKey, optionSpecs, sectionOf } from './schema.js';

/** YAML that a node takes again, a comment behind each value. */
export function effectiveYaml(values: readonly Effective[]): string {
  const lines: string[] = [];
  let section = '';
  for (const { key, value, origin } of values) {
    if (sectionOf(key) !== section) {
      section = sectionOf(key);
      lines.push(`${section}:`);
    }
    const name = key.slice(section.length + 1);
    const where = origin === undefined ? 'default' : originText(origin, key);
    if (value === undefined) lines.push(`  # ${name}: (default: ${unstated(optionSpecs[key])})`);
    else lines.push(`${`  ${name}: ${yamlText(value)}`.padEnd(valueColumns)} # ${where}`);
  }
  return `${lines.join('\n')}\n`;
}

const valueColumns = 36;

/** On one line. */
export function yamlText(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
}

function unstated(spec: OptionSpec<unknown>): string {
  return spec.replicated === true ? `${defaultText(spec)} when founding` : defaultText(spec);
}

/** `flag --id`, `environment CASHE_NODE_ID`, `cashe.yaml:3`. */
function originText({ from, key: name, file, line }: Origin, key: OptionKey): string {
  if (file === undefined) return `${from} ${name}`;
  const place = line === undefined ? file : `${file}:${line}`;
  return name === key ? place : `${place} ${name}`;
}

/** For programs: option → value and origin. */
export function effectiveJson(values: readonly Effective[]): string {
  const entries = values.map(({ key, value, origin }) => {
    const { from = 'default', key: name, ...place } = origin ?? {};
    const as = name === undefined || name === key ? {} : { as: name };
    return [key, { value: value ?? null, from, ...as, ...place }];
  });
  return `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`;
}
