/** `cashe config`: what a node would be started with, and what it may be started with. */
import type { Command } from 'commander';
import { effectiveValues } from '../config/effective.js';
import type { Variables } from '../config/environment.js';
import { examineConfig, readConfigText } from '../config/file.js';
import { loadConfig } from '../config/load.js';
import { effectiveJson, effectiveYaml } from '../config/print.js';
import { exampleYaml, referenceMarkdown } from '../config/reference.js';
import { configErrors } from '../config/resolve.js';
import type { Source } from '../config/source.js';
import { exitCodes } from './exit-codes.js';
import { addConfigFlags, flagSource } from './flags.js';
import type { Io } from './io.js';

export interface ConfigActions {
  printConfig(
    flags: Source,
    options: { readonly config?: string; readonly json: boolean },
  ): Promise<number>;
  checkConfig(file: string, flags: Source): Promise<number>;
  configExample(): Promise<number>;
  configReference(): Promise<number>;
}

/** Returns the command, for further ones below it. */
export function addConfigCommands(
  program: Command,
  actions: ConfigActions,
  finish: (run: Promise<number>) => Promise<void>,
): Command {
  const config = program
    .command('config')
    .description('show, check or change the configuration of nodes: `cashe config --help`');
  const print = config
    .command('print')
    .description(
      'print what a node started with these flags, this environment and this file would run ' +
        'with, and where each value comes from; secrets are not shown',
    )
    .option('--config <FILE>', 'the file (default: what CASHE_CONFIG names)')
    .option('--json', 'print JSON', false);
  addConfigFlags(print);
  print.action((options: { config?: string; json: boolean }) =>
    finish(actions.printConfig(flagSource(print), options)),
  );
  const check = config
    .command('check')
    .description(
      'check a configuration file, for every founder that it names unless it says which node it ' +
        'is for; one line per problem, exit code 2 when there is one. Flags that the node is ' +
        'started with may be added; the environment does not count',
    )
    .argument('<file>');
  addConfigFlags(check);
  check.action((file: string) => finish(actions.checkConfig(file, flagSource(check))));
  config
    .command('example')
    .description('print a configuration file with every option')
    .action(() => finish(actions.configExample()));
  config
    .command('reference')
    .description('print the tables of options of docs/configuration.md')
    .action(() => finish(actions.configReference()));
  return config;
}

export function configActions(variables: Variables, io: Io): ConfigActions {
  return {
    printConfig: async (flags, { config: configFile, json }) => {
      const terminal = io.stderrIsTerminal;
      const loaded = loadConfig({ flags, configFile, variables, terminal });
      for (const warning of loaded.warnings) io.complain(`cashe: warning: ${warning}`);
      const values = effectiveValues(loaded);
      await io.write(json ? effectiveJson(values) : effectiveYaml(values));
      return exitCodes.ok;
    },
    checkConfig: async (file, flags) => {
      const { source, errors } = examineConfig(readConfigText(file), file);
      const all = [...errors, ...configErrors([flags, source])];
      for (const { message } of all) io.complain(message);
      if (all.length > 0) return exitCodes.usage;
      await io.write(`${file}: no problems\n`);
      return exitCodes.ok;
    },
    configExample: async () => {
      await io.write(exampleYaml());
      return exitCodes.ok;
    },
    configReference: async () => {
      await io.write(referenceMarkdown());
      return exitCodes.ok;
    },
  };
}
