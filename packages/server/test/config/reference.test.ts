// Goal: the reference page and the example file say what the table of options says. They are
// written again by `REWRITE=1 npx jest config/reference`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { examineConfig } from '../../src/config/file.js';
import type { OptionSpec } from '../../src/config/option.js';
import { exampleYaml, referenceMarkdown } from '../../src/config/reference.js';
import { configErrors, resolveOptions } from '../../src/config/resolve.js';
import { optionKeys, optionSpecs, sectionOf, sectionTitles } from '../../src/config/schema.js';

const root = join(__dirname, '../../../..');
const page = join(root, 'docs/configuration.md');
const example = join(root, 'configs/every-option.yaml');
const block = /(<!-- options: [^\n]*\n)[\s\S]*?(<!-- end of options -->)/;

describe('the reference page', () => {
  it('has the options as their table has them', () => {
    const written = readFileSync(page, 'utf8');
    const current = written.replace(block, (_, begin, end) => {
      return `${begin}\n${referenceMarkdown()}\n${end}`;
    });
    if (process.env['REWRITE'] === '1') writeFileSync(page, current);
    expect(block.test(written)).toBe(true);
    expect(readFileSync(page, 'utf8')).toBe(current);
  });
});

describe('the example file', () => {
  it('is what the table of options makes of it', () => {
    if (process.env['REWRITE'] === '1') writeFileSync(example, exampleYaml());
    expect(readFileSync(example, 'utf8')).toBe(exampleYaml());
  });

  it('is valid, and a node with it is a node without it', () => {
    const { source, errors } = examineConfig(exampleYaml(), 'x.yaml');
    expect([...errors, ...configErrors([source])]).toEqual([]);
    const plain = resolveOptions([], { terminal: false }).options;
    const { settings, ...stated } = resolveOptions([source], { terminal: false }).options;
    expect({ ...stated, settings: {} }).toEqual(plain);
    expect(settings).toMatchObject({ bytesMax: 268435456, replicationFactor: 3 });
  });

  it.each(optionKeys)('states %s, with a value that is taken', (key) => {
    const name = key.slice(sectionOf(key).length + 1);
    const lines = exampleYaml().split('\n');
    const section = lines.indexOf(`${sectionOf(key)}:`);
    const at = lines.findIndex(
      (line, index) => index > section && line.replace('# ', '').startsWith(`  ${name}:`),
    );
    const following = lines.slice(at + 1);
    const end = following.findIndex((line) => !line.startsWith('  #   '));
    const block = [lines[at], ...following.slice(0, end)].map((line) => line?.replace('# ', ''));
    const text = `${sectionOf(key)}:\n${block.join('\n')}\n`.replace(
      '<64 of 0-9 a-f>',
      'a'.repeat(64),
    );
    const { source, errors } = examineConfig(text, 'x.yaml');
    expect(errors).toEqual([]);
    const spec: OptionSpec<unknown> = optionSpecs[key];
    expect(spec.schema.safeParse(source.get(key)?.value)).toMatchObject({ success: true });
  });
});

describe('the table', () => {
  it('has a title for every section, and a default in value or words for every option', () => {
    expect(new Set(optionKeys.map(sectionOf))).toEqual(new Set(sectionTitles.keys()));
    for (const key of optionKeys) {
      const { fallback, example: shown, schema, format }: OptionSpec<unknown> = optionSpecs[key];
      expect([key, fallback !== undefined || shown !== undefined]).toEqual([key, true]);
      if (fallback === undefined) continue;
      const stated = format === undefined ? fallback : format(fallback);
      expect([key, schema.parse(stated)]).toEqual([key, fallback]);
    }
  });
});
