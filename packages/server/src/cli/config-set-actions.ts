import { type ConfigureNodeResponse, LogLevel } from '@cashe/proto';
import type { Settings } from '@cashe/store';
import type { CallOptions } from './call-options.js';
import type { ClusterApi, OpenCluster } from './cluster-client.js';
import { withNode } from './cluster-commands.js';
import type { ConfigSetActions } from './config-set-command.js';
import { CommandError, exitCodes } from './exit-codes.js';
import type { Io } from './io.js';
import { type Settable, settableOf, settables } from './settable.js';
import { table } from './table.js';

interface Line {
  readonly key: string;
  readonly value: string | number;
  /** `cluster`, or the node. */
  readonly of: string;
}

export function configSetActions(open: OpenCluster, io: Io): ConfigSetActions {
  return {
    getConfig: async (key, options) => {
      const asked = key === undefined ? settables : [settableOf(key)];
      if (asked.some(({ scope }) => scope === 'node')) requireOneNode(options, 'ask');
      const lines = await withNode(open, options, (api) => linesOf(api, asked));
      const [first] = lines;
      if (options.json) await io.write(`${JSON.stringify(lines, null, 2)}\n`);
      else if (key !== undefined) await io.write(`${first?.value}\n`);
      else await io.write(listing(lines));
      return exitCodes.ok;
    },
    setConfig: async (key, word, options) => {
      const settable = settableOf(key);
      const value = settable.parse(word);
      const shown = `${settable.key} = ${settable.format(value)}`;
      if (settable.scope === 'node') {
        requireOneNode(options, 'change');
        const { nodeId } = await withNode(open, options, (api) =>
          api.configureNode(settable.request(value)),
        );
        await io.write(`${shown} on ${nodeId}, until it stops\n`);
        return exitCodes.ok;
      }
      const { revision } = await withNode(open, options, (api) =>
        api.changeSettings(settable.changes(value)),
      );
      await io.write(`${shown} on all nodes (settings at revision ${revision})\n`);
      return exitCodes.ok;
    },
  };
}

/** Any member does for the cluster; these are of one node, and it must be clear which. */
function requireOneNode({ endpoints }: CallOptions, what: string): void {
  if (endpoints.length === 1) return;
  const message = `config: give the one --endpoint of the node to ${what}`;
  throw new CommandError(exitCodes.usage, message);
}

async function linesOf(api: ClusterApi, asked: readonly Settable[]): Promise<readonly Line[]> {
  let settings: Settings | undefined;
  let node: ConfigureNodeResponse | undefined;
  const lines: Line[] = [];
  for (const one of asked) {
    if (one.scope === 'cluster') {
      settings ??= (await api.getSettings()).settings;
      lines.push({ key: one.key, value: one.format(one.read(settings)), of: 'cluster' });
    } else {
      node ??= await api.configureNode({ logLevel: LogLevel.UNSPECIFIED });
      lines.push({ key: one.key, value: one.format(one.read(node)), of: node.nodeId });
    }
  }
  return lines;
}

function listing(lines: readonly Line[]): string {
  return table(
    ['KEY', 'VALUE', 'OF'],
    lines.map(({ key, value, of }) => [key, String(value), of]),
  );
}
