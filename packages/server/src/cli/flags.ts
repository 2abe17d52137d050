/** The flags of `serve`, made from the option table, and what was given as a source of values. */
import { type Command, Option } from 'commander';
import { defaultText, type OptionSpec } from '../config/option.js';
import {
  type OptionKey,
  optionKeys,
  optionSpecs,
  sectionOf,
  sectionTitles,
} from '../config/schema.js';
import type { Given, Source } from '../config/source.js';

export function addConfigFlags(command: Command): void {
  for (const key of optionKeys) {
    const spec: OptionSpec<unknown> = optionSpecs[key];
    const { flag, help } = spec;
    if (flag === undefined) continue;
    const words = flag.argument === undefined ? flag.name : `${flag.name} <${flag.argument}>`;
    const option = new Option(words, `${help} (default: ${defaultText(spec)})`);
    option.helpGroup(`${sectionTitles.get(sectionOf(key))}:`);
    if (flag.repeatable) {
      option.argParser((word: string, before: readonly string[] = []) => [...before, word]);
    }
    command.addOption(option);
    // A flag outranks the file, so a switch that a file turns on can be turned off.
    if (flag.argument === undefined) {
      command.addOption(new Option(flag.name.replace('--', '--no-')).hideHelp());
    }
  }
}

export function flagSource(command: Command): Source {
  const source = new Map<OptionKey, Given>();
  for (const key of optionKeys) {
    const { flag }: OptionSpec<unknown> = optionSpecs[key];
    if (flag === undefined) continue;
    const attribute = new Option(flag.name).attributeName();
    if (command.getOptionValueSource(attribute) !== 'cli') continue;
    const value: unknown = command.getOptionValue(attribute);
    source.set(key, { value, key: flag.name, from: 'flag', place: () => ({}) });
  }
  return source;
}
