/** `cashe config get` and `cashe config set`: what can change while nodes run. */
import type { Command } from 'commander';
import { type CallOptions, callOptions, callTimeoutMs, withCallOptions } from './call-options.js';

export interface ConfigSetActions {
  /** An undefined key: all of them. */
  getConfig(
    key: string | undefined,
    options: CallOptions & { readonly json: boolean },
  ): Promise<number>;
  setConfig(key: string, value: string, options: CallOptions): Promise<number>;
}

/** `config`: the command that these are below. */
export function addConfigSetCommands(
  config: Command,
  actions: ConfigSetActions,
  finish: (run: Promise<number>) => Promise<void>,
): void {
  withCallOptions(config.command('get'), callTimeoutMs)
    .description('print what can be changed while nodes run, and what it is now')
    .argument('[key]', 'only this, its value alone')
    .option('--json', 'print JSON', false)
    .action((key: string | undefined, options: CallOptions & { json: boolean }) =>
      finish(actions.getConfig(key, callOptions(options))),
    );
  withCallOptions(config.command('set'), callTimeoutMs)
    .description(
      'change a setting of the cluster, on all nodes and for good (cache.…, cluster.…, ' +
        'sessions.…), or one of the node at the endpoint, until it stops (logging.level, limits.…)',
    )
    .argument('<key>')
    .argument('<value>', 'as in a configuration file')
    .action((key: string, value: string, options: CallOptions) =>
      finish(actions.setConfig(key, value, callOptions(options))),
    );
}
