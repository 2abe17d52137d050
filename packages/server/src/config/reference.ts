/** What is written about the options from their table: the reference page and the example file. */
import { variableOf } from './environment.js';
import { defaultText, type OptionSpec } from './option.js';
import { yamlText } from './print.js';
import { type OptionKey, optionKeys, optionSpecs, sectionOf, sectionTitles } from './schema.js';

/** One table per section, in Markdown. */
export function referenceMarkdown(): string {
  return [...sectionTitles].map(([section, title]) => sectionTable(section, title)).join('\n');
}

function keysOf(section: string): readonly OptionKey[] {
  return optionKeys.filter((key) => sectionOf(key) === section);
}

function sectionTable(section: string, title: string): string {
  const rows = keysOf(section).map((key) => {
    const spec: OptionSpec<unknown> = optionSpecs[key];
    const cells = [`\`${key}\``, flagCell(spec), defaultText(spec), meaning(spec)];
    return `| ${cells.map(cell).join(' | ')} |`;
  });
  const head = ['| option | flag | default | |', '|---|---|---|---|'];
  return [`### ${title}`, '', ...head, ...rows, ''].join('\n');
}

function flagCell({ flag }: OptionSpec<unknown>): string {
  if (flag === undefined) return '';
  const words = flag.argument === undefined ? flag.name : `${flag.name} ${flag.argument}`;
  return flag.repeatable === true ? `\`${words}\`, repeatable` : `\`${words}\``;
}

function meaning({ help, aliases = [], replicated }: OptionSpec<unknown>): string {
  const names = aliases.map(({ key }) => `\`${key}\``).join(', ');
  const also = names === '' ? '' : ` (also ${names})`;
  return `${help}${replicated === true ? `; ${replicatedNote}` : ''}${also}`;
}

const replicatedNote = 'replicated: stated when the cluster is founded';

/** Outside of code, `<` would begin a tag, and `|` a cell. */
function cell(text: string): string {
  const parts = text.replaceAll('|', '\\|').split('`');
  return parts
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll('<', '&lt;')))
    .join('`');
}

/** A file with every option: those with a default state it, the others are commented out. */
export function exampleYaml(): string {
  const intro = [
    'Every option of a node, printed by `cashe config example`. What has a default states it here;',
    'the rest is commented out. Flags win over the environment, and that over this file. Unknown',
    'keys are refused.',
  ];
  const sections = [...sectionTitles.keys()].map((section) => {
    const options = keysOf(section).flatMap((key) => exampleLines(key));
    return [`${section}:`, ...options].join('\n');
  });
  return `${intro.map((line) => `# ${line}`).join('\n')}\n\n${sections.join('\n\n')}\n`;
}

function exampleLines(key: OptionKey): readonly string[] {
  const spec: OptionSpec<unknown> = optionSpecs[key];
  const { flag, help, fallback, example, replicated } = spec;
  const names = [...(flag === undefined ? [] : [flag.name]), variableOf(key)].join(', ');
  const note = replicated === true ? `; ${replicatedNote}` : '';
  const words = spec.defaultText ?? (fallback === undefined ? 'none' : undefined);
  const ending = words === undefined ? '.' : `. Default: ${words}.`;
  const comment = wrapped(`${names}: ${help}${note}${ending}`, '  # ');
  const name = key.slice(sectionOf(key).length + 1);
  // An empty list says nothing of what may stand there.
  if (fallback !== undefined && example === undefined) {
    const value = spec.format === undefined ? fallback : spec.format(fallback);
    return [...comment, `  ${name}: ${yamlText(value)}`];
  }
  const stated = `${name}: ${example}`.replace(/ \n/, '\n').split('\n');
  const lines = stated.map((line, index) => `  # ${index === 0 ? line : line.slice(2)}`);
  return [...comment, ...lines];
}

const columnsMax = 98;

function wrapped(text: string, prefix: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && prefix.length + line.length + 1 + word.length > columnsMax) {
      lines.push(prefix + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, prefix + line];
}
