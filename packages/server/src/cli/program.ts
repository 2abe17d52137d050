/** The command line: commands, flags, help, and one line for whatever is wrong with them. */
import { Command, CommanderError, Option } from 'commander';
import { ConfigError } from '../config/errors.js';
import { didYouMean } from '../config/nearest.js';
import type { Source } from '../config/source.js';
import { type AccessActions, addAccessCommands } from './access-command.js';
import {
  type CallOptions,
  callOptions,
  callTimeoutMs,
  integerWord,
  withCallOptions,
} from './call-options.js';
import { addConfigCommands, type ConfigActions } from './config-command.js';
import { addConfigSetCommands, type ConfigSetActions } from './config-set-command.js';
import { CommandError, exitCodes } from './exit-codes.js';
import { addConfigFlags, flagSource } from './flags.js';
import type { Io } from './io.js';

interface SetOptions extends CallOptions {
  readonly ttlMs: number | undefined;
  readonly keepTtl: boolean;
}

/** What the commands do; each resolves to the exit code. */
export interface Actions extends ConfigActions, ConfigSetActions, AccessActions {
  serve(flags: Source, configFile: string | undefined): Promise<number>;
  get(key: string, options: CallOptions & { readonly stale: boolean }): Promise<number>;
  /** An undefined value comes from standard input. */
  set(key: string, value: string | undefined, options: SetOptions): Promise<number>;
  delete(key: string, options: CallOptions): Promise<number>;
  status(options: CallOptions & { readonly json: boolean }): Promise<number>;
  members(options: CallOptions & { readonly json: boolean }): Promise<number>;
  /** An undefined id is the node at the endpoint. */
  leave(id: string | undefined, options: CallOptions): Promise<number>;
  /** An undefined id is the most up-to-date voter. */
  transfer(id: string | undefined, options: CallOptions): Promise<number>;
  /** Checks a data directory that no node is using. */
  verify(directory: string): Promise<number>;
}

const leaveTimeoutMs = 60_000;

/** Runs one command line (without `node cashe.mjs`); resolves to the exit code. */
export async function runProgram(
  argv: readonly string[],
  actions: Actions,
  io: Io,
  version: string,
): Promise<number> {
  let out = '';
  let exitCode: number = exitCodes.ok;
  const program = new Command('cashe')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        out += text;
      },
      writeErr: () => {}, // The thrown CommanderError has the text; one line is made of it below.
    })
    .configureHelp({ helpWidth: 100 })
    .showSuggestionAfterError(false);
  const finish = async (run: Promise<number>): Promise<void> => {
    exitCode = await run;
  };
  describe(program, version);
  addServe(program, actions, finish);
  addKeyCommands(program, actions, finish);
  addClusterCommands(program, actions, finish);
  addVerify(program, actions, finish);
  addConfigSetCommands(addConfigCommands(program, actions, finish), actions, finish);
  addAccessCommands(program, actions, finish);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    exitCode = complain(error, program, argv, io);
  }
  if (out !== '') await io.write(out);
  return exitCode;
}

function complain(error: unknown, program: Command, argv: readonly string[], io: Io): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.ok;
    const text = error.message
      .replace(/^error: /, '')
      .replace(/^(unknown option '[^'=]+)=[^']*'/, "$1'")
      .replaceAll('\n', ' ');
    io.complain(`cashe: ${text}${flagHint(text, program, argv)} (see cashe --help)`);
    return exitCodes.usage;
  }
  if (error instanceof ConfigError) {
    io.complain(`cashe: ${error.message}`);
    return exitCodes.usage;
  }
  if (error instanceof CommandError) {
    io.complain(`cashe: ${error.message}`);
    return error.exitCode;
  }
  io.complain(`cashe: internal error: ${error instanceof Error ? error.stack : String(error)}`);
  return exitCodes.internal;
}

/** The nearest flag of the command that was called; commander's own hint counts the value too. */
function flagHint(text: string, program: Command, argv: readonly string[]): string {
  const flag = /^unknown option '([^'=]+)/.exec(text)?.[1];
  if (flag === undefined) return '';
  const known = calledCommand(program, argv).options.filter((option) => !option.hidden);
  return didYouMean(
    flag,
    known.map((option) => option.long ?? ''),
  );
}

/** As far as the words name commands; the first one may be the default's argument. */
function calledCommand(program: Command, argv: readonly string[]): Command {
  let called = program;
  for (const word of argv) {
    const next = called.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    called = next;
  }
  return called === program ? (program.commands[0] ?? program) : called;
}

function describe(program: Command, version: string): void {
  program
    .description(
      'Cashe: a distributed, strongly consistent cache. Without a command it serves:\n' +
        '`cashe` alone is a one-node cluster with id raft0 on :3000 (clients) and :4000 (peers).',
    )
    .version(version, '-V, --version')
    .usage('[serve] [flags] | <command> [flags]')
    .addHelpText('after', (context) => {
      const serve = context.command.commands.find((one) => one.name() === 'serve');
      const flags = serve?.helpInformation().replace(/^[\s\S]*?\n\n(?=\S.*:\n)/, '') ?? '';
      return `\nFlags of serve\n\n${flags}${examples}`;
    });
}

const examples = `
Every flag but --config has a place in the file of --config (see configs/every-option.yaml), and a
variable in the environment: listen.client in the file is CASHE_LISTEN_CLIENT. Flags win over the
environment, and the environment over the file. A switch is turned off again by its --no- form.

Examples:
  Three nodes on one machine, by hand:
    cashe --id=raft0 --listenaddr=:3000 --raftaddr=:4000
    cashe --id=raft1 --listenaddr=:3001 --raftaddr=:4001 --leaderaddr=:3000
    cashe --id=raft2 --listenaddr=:3002 --raftaddr=:4002 --leaderaddr=:3000
  Three founders from one file, started in any order, and a fourth that joins them:
    cashe --config=configs/local-3-nodes.yaml --id=raft0        (and raft1, raft2)
    cashe --config=configs/local-3-nodes.yaml --id=raft3 --listenaddr=:3003 --raftaddr=:4003
  Use it:
    cashe set greeting hello --ttl 60000
    cashe get greeting
    cashe set picture < picture.png
    cashe set --endpoint=10.0.0.1:3000 -- -key -value
    cashe status
    cashe leave raft2
  Say who may do what:
    cashe access get --token-file=admin.token > policy.yaml
    cashe access role set app --read= --write=app: --token-file=admin.token
    cashe access token add ci --role=app --token-file=admin.token > ci.token
  See what a node would run with, and check a file:
    cashe config print --config=cluster.yaml --id=raft1
    cashe config check cluster.yaml
  Change what can change while nodes run:
    cashe config get
    cashe config set cache.capacity 2000000
    cashe config set logging.level debug --endpoint=10.0.0.2:3000
  Check the data of a node that is stopped:
    cashe verify data/raft2

Exit codes:
  serve            0 stopped or removed · 1 failed · 2 wrong flags or configuration
                   130 a second signal, more than 500 ms after the first
  other commands   0 done · 1 a miss, or a member does not answer · 2 wrong flags
                   verify: 0 sound · 1 damaged · 2 not a directory that can be checked
                   3 unavailable or timed out, nothing changed · 4 outcome of a write unknown
                   5 refused (invalid, too large, full, not allowed) · 6 internal error
`;

type Finish = (run: Promise<number>) => Promise<void>;

function addServe(program: Command, actions: Actions, finish: Finish): void {
  const serve = program
    .command('serve', { isDefault: true })
    .description('run a node (the default command)')
    .option('--config <FILE>', 'YAML or JSON file with any of these options and the founders')
    .allowExcessArguments();
  addConfigFlags(serve);
  serve.action(async (options: { config?: string }) => {
    refuseUnknownCommand(program, serve);
    await finish(actions.serve(flagSource(serve), options.config));
  });
}

/** `cashe sett k v` reaches the default command as an argument. */
function refuseUnknownCommand(program: Command, serve: Command): void {
  const [word] = serve.args;
  if (word === undefined) return;
  const names = program.commands.map((command) => command.name());
  const hint = didYouMean(word, names) || `; commands: ${names.join(', ')}`;
  throw new CommandError(exitCodes.usage, `unknown command ${JSON.stringify(word)}${hint}`);
}

function addKeyCommands(program: Command, actions: Actions, finish: Finish): void {
  type Call = CallOptions;
  withCallOptions(program.command('get'), callTimeoutMs)
    .description('print the value of a key, byte by byte; exit code 1 when there is none')
    .argument('<key>')
    .option('--stale', 'read what the reached node has, without asking the leader', false)
    .action((key: string, options: Call & { stale: boolean }) =>
      finish(actions.get(key, callOptions(options))),
    );
  withCallOptions(program.command('set'), callTimeoutMs)
    .description('store a value under a key; without a value, or with -, standard input is stored')
    .argument('<key>')
    .argument('[value]')
    .addOption(
      new Option('--ttl <MS>', 'forget the key after this many milliseconds (default: never)')
        .argParser((word) => integerWord(word, 1, Number.MAX_SAFE_INTEGER))
        .conflicts('keepTtl'),
    )
    .option('--keep-ttl', 'keep the time to live that the key has', false)
    .action((key: string, value: string | undefined, options: Call & SetFlags) =>
      finish(
        actions.set(key, value === '-' ? undefined : value, {
          ...callOptions(options),
          ttlMs: options.ttl,
        }),
      ),
    );
  withCallOptions(program.command('delete'), callTimeoutMs)
    .description('remove a key; exit code 1 when there was none')
    .argument('<key>')
    .action((key: string, options: Call) => finish(actions.delete(key, callOptions(options))));
}

interface SetFlags {
  readonly ttl: number | undefined;
  readonly keepTtl: boolean;
}

function addClusterCommands(program: Command, actions: Actions, finish: Finish): void {
  type Listing = CallOptions & { json: boolean };
  withCallOptions(program.command('status'), callTimeoutMs)
    .description('show every member: role, term, log, entries; exit code 1 when one is missing')
    .option('--json', 'print JSON', false)
    .action((options: Listing) => finish(actions.status(callOptions(options))));
  withCallOptions(program.command('members'), callTimeoutMs)
    .description('list the members as the leader has them')
    .option('--json', 'print JSON', false)
    .action((options: Listing) => finish(actions.members(callOptions(options))));
  withCallOptions(program.command('leave'), leaveTimeoutMs)
    .description('remove a node from the cluster; it then exits by itself')
    .argument('[id]', 'node id (default: the node at the endpoint)')
    .action((id: string | undefined, options: CallOptions) =>
      finish(actions.leave(id, callOptions(options))),
    );
  withCallOptions(program.command('transfer'), callTimeoutMs)
    .description('hand leadership to another voter')
    .argument('[id]', 'node id (default: the most up-to-date voter)')
    .action((id: string | undefined, options: CallOptions) =>
      finish(actions.transfer(id, callOptions(options))),
    );
}

function addVerify(program: Command, actions: Actions, finish: Finish): void {
  program
    .command('verify')
    .description(
      'check the data directory of a stopped node without changing it; exit code 1 when damaged',
    )
    .argument('<directory>')
    .action((directory: string) => finish(actions.verify(directory)));
}
