// Goal: no rule of docs/rules.md, and no section of the Raft paper or the thesis that the core
// follows, is without a test. Method: tests cite them in their names, and this one reads the names.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRepository } from '../tidy/repository.js';
import { parseSource } from '../tidy/source.js';
import { citationsOf, testTitles } from '../tidy/titles.js';

const root = join(__dirname, '..', '..');

const range = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `R${first + i}`);

/** Rules that must have a test as soon as they are built. */
const tested = [...range(1, 20), ...range(24, 31), 'R37', 'R38'];

/** Figure 2 and the sections it condenses; what the divergence page says Cashe follows. */
const paper = ['5.1', '5.2', '5.3', '5.4.1', '5.4.2', '5.5', '6', '7', '8', 'Figure 3'];
const thesis = [
  ...['3.10', '4.1', '4.2.1', '4.2.2', '4.2.3', '4.3', '5.1', '6.2', '6.3', '6.4'],
  ...['9.6', '10.2.1'],
].map((section) => `thesis ${section}`);

/** Each rule's number and whether it says that it is not built. */
function readRules(text: string): Map<string, 'built' | 'later'> {
  const rules = new Map<string, 'built' | 'later'>();
  const parts = text.split(/\*\*(?=R\d+\b)/).slice(1);
  for (const part of parts) {
    const [number] = /^R\d+/.exec(part) ?? [''];
    const later = part.replaceAll('\n', ' ').includes('*Later');
    rules.set(number, later ? 'later' : 'built');
  }
  return rules;
}

const rules = readRules(readFileSync(join(root, 'docs', 'rules.md'), 'utf8'));
const tests = readRepository(root).sources.filter(({ file }) => file.endsWith('.test.ts'));
const citations = new Set(tests.flatMap(testTitles).flatMap(citationsOf));

describe('the name of a test cites', () => {
  it('every rule that is built', () => {
    expect(tested.filter((rule) => !rules.has(rule))).toEqual([]);
    const wanted = tested.filter((rule) => rules.get(rule) === 'built');
    expect(wanted.filter((rule) => !citations.has(rule))).toEqual([]);
  });

  it('only rules there are', () => {
    const cited = [...citations].filter((citation) => /^R\d/.test(citation));
    expect(cited.filter((rule) => !rules.has(rule))).toEqual([]);
  });

  it('every section of the paper and the thesis that Cashe follows', () => {
    expect([...paper, ...thesis].filter((section) => !citations.has(section))).toEqual([]);
  });
});

describe('names and citations', () => {
  it('are read through describes, tables and templates', () => {
    const source = parseSource(
      'a.test.ts',
      [
        "describe('a (R1)', () => {",
        "  describe.each([1])('b %d', () => {",
        "    it('c', () => { call('no name (R9)'); });",
        "    it.each([[1]])('d (R2)', () => undefined);",
        '  });',
        `  it(\`e \${1} (R3)\`, () => undefined);`,
        '});',
        "it('f', () => undefined);",
      ].join('\n'),
    );
    expect(testTitles(source)).toEqual([
      'a (R1) b %d c',
      'a (R1) b %d d (R2)',
      'a (R1) e … (R3)',
      'f',
    ]);
  });

  it.each([
    ['no citation (of anything)', []],
    ['x (R4)', ['R4']],
    ['x (section 8, thesis 6.4, R4, B1)', ['8', 'thesis 6.4', 'R4', 'B1']],
    ['x (sections 5.3, 5.4) y (thesis 4.1, 4.2.1)', ['5.3', '5.4', 'thesis 4.1', 'thesis 4.2.1']],
    ['x (Figure 3, R10) 4.1', ['Figure 3', 'R10']],
    ['x (5.4.2)', ['5.4.2']],
  ])('of "%s"', (title, expected) => {
    expect(citationsOf(title)).toEqual(expected);
  });

  it('of a rule tell whether it is built', () => {
    const text = '**R1 A.** b *Holds.* c\n**R2** *Later.* **R3 X.** *Later* (with y).\n**R4 B.**';
    expect([...readRules(text)]).toEqual([
      ['R1', 'built'],
      ['R2', 'later'],
      ['R3', 'later'],
      ['R4', 'built'],
    ]);
  });
});
