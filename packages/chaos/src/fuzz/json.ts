/** JSON that is almost right: values of other types, depth, numbers, duplicates, broken text. */
import { Buffer } from 'node:buffer';
import type { SeededRandom } from '@cashe/simulator';
import { changeBytes } from './bytes.js';

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Recursive parsers and validators run out of stack somewhere here. */
const nestedLevels = 5_000;

export function changeJson(random: SeededRandom, text: string): Buffer {
  if (random.chance(0.3)) return changeBytes(random, Buffer.from(text));
  return Buffer.from(random.pick(textChanges)(random, text));
}

type TextChange = (random: SeededRandom, text: string) => string;

const textChanges: readonly TextChange[] = [
  (random, text) => JSON.stringify(changeValue(random, JSON.parse(text) as Json)),
  (random, text) => JSON.stringify(changeValue(random, JSON.parse(text) as Json)),
  /** A number or a name where the text has a value, as no serializer would write it. */
  (random, text) => text.replace(/:("[^"]*"|[0-9]+)/, `:${random.pick(oddTexts)}`),
  /** The same name twice. */
  (_random, text) => text.replace(/\{("[^"]+":(?:"[^"]*"|[0-9]+))/, '{$1,$1'),
  (_random, text) => text.replace('{', '{"__proto__":{"key":"fuzz/key"},'),
  (_random, text) => text.replace('{', '{"constructor":{"prototype":{"x":1}},'),
  () => '['.repeat(nestedLevels),
  () => `${'['.repeat(nestedLevels)}${']'.repeat(nestedLevels)}`,
  () => `${'{"a":'.repeat(nestedLevels)}1${'}'.repeat(nestedLevels)}`,
  (_random, text) => `\ufeff${text}`,
  (_random, text) => `${text}${text}`,
  () => '',
];

const oddTexts: readonly string[] = [
  '1e400',
  '-0',
  '0x10',
  '1.5',
  '9007199254740993',
  '00',
  'NaN',
  'undefined',
  '"\\ud800"',
  '"\\u0000"',
  '"\u0000"',
  '""',
  '"%%%"',
  '{}',
  '[]',
  'null',
  'true',
];

/** Another value somewhere inside. */
function changeValue(random: SeededRandom, value: Json): Json {
  if (Array.isArray(value) && value.length > 0 && random.chance(0.7)) {
    const at = random.below(value.length);
    return value.map((one: Json, index) => (index === at ? changeValue(random, one) : one));
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject || random.chance(0.2)) return random.pick(oddValues);
  const names = Object.keys(value);
  const name = random.pick([...names, 'unknown']);
  const members = new Map(Object.entries(value));
  if (random.chance(0.2)) members.delete(name);
  else members.set(name, changeValue(random, members.get(name) ?? null));
  return Object.fromEntries(members);
}

const oddValues: readonly Json[] = [
  null,
  true,
  -1,
  0,
  1.5,
  2 ** 53,
  '',
  'x'.repeat(2_000),
  '\u0000',
  '\u{1f600}',
  [],
  {},
  new Array<Json>(1_100).fill({ op: 'get', key: 'fuzz/key' }),
];
