/** Entry of the `cashe` binary: wires the commands to what they use, each loaded when needed. */
import { readFileSync } from 'node:fs';
import { loadConfig } from '../config/load.js';
import type { Source } from '../config/source.js';
import { configActions } from './config-command.js';
import type { Io } from './io.js';
import { processIo } from './io.js';
import { type Actions, runProgram } from './program.js';

/** Runs the command line and sets the exit code; `serve` ends the process when it is done. */
export async function main(argv: readonly string[]): Promise<void> {
  const io = processIo();
  process.exitCode = await runProgram(argv, actions(io), io, version());
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function actions(io: Io): Actions {
  const kv = async () => {
    await silence();
    const [{ kvActions }, { openKv }] = await Promise.all([
      import('./kv-commands.js'),
      import('./kv-client.js'),
    ]);
    return kvActions(openKv, io);
  };
  const cluster = async () => {
    await silence();
    const [{ clusterActions }, { openCluster }] = await Promise.all([
      import('./cluster-commands.js'),
      import('./cluster-client.js'),
    ]);
    return clusterActions(openCluster, io);
  };
  const access = async () => {
    await silence();
    const [{ accessActions }, { openCluster }] = await Promise.all([
      import('./access-actions.js'),
      import('./cluster-client.js'),
    ]);
    return accessActions(openCluster, io);
  };
  const settings = async () => {
    await silence();
    const [{ configSetActions }, { openCluster }] = await Promise.all([
      import('./config-set-actions.js'),
      import('./cluster-client.js'),
    ]);
    return configSetActions(openCluster, io);
  };
  const offline = async () => {
    await silence();
    const [{ verifyActions }, { verifyDirectory }] = await Promise.all([
      import('./verify-command.js'),
      import('../node/verify.js'),
    ]);
    return verifyActions(verifyDirectory, io);
  };
  return {
    serve: (flags, configFile) => serveHere(flags, configFile, io),
    get: async (key, options) => (await kv()).get(key, options),
    set: async (key, value, options) => (await kv()).set(key, value, options),
    delete: async (key, options) => (await kv()).delete(key, options),
    status: async (options) => (await cluster()).status(options),
    members: async (options) => (await cluster()).members(options),
    leave: async (id, options) => (await cluster()).leave(id, options),
    transfer: async (id, options) => (await cluster()).transfer(id, options),
    verify: async (directory) => (await offline()).verify(directory),
    ...configActions(process.env, io),
    getConfig: async (key, options) => (await settings()).getConfig(key, options),
    setConfig: async (key, value, options) => (await settings()).setConfig(key, value, options),
    getAccess: async (options) => (await access()).getAccess(options),
    setAccess: async (file, options) => (await access()).setAccess(file, options),
    addToken: async (name, roles, options) => (await access()).addToken(name, roles, options),
    removeToken: async (name, options) => (await access()).removeToken(name, options),
    setRole: async (name, grants, options) => (await access()).setRole(name, grants, options),
    removeRole: async (name, options) => (await access()).removeRole(name, options),
    bind: async (principal, role, options) => (await access()).bind(principal, role, options),
    unbind: async (principal, role, options) => (await access()).unbind(principal, role, options),
  };
}

/** Before anything that may use grpc-js, which is loaded no earlier than it is needed. */
async function silence(): Promise<void> {
  const { quietGrpc } = await import('./quiet-grpc.js');
  quietGrpc(process.env);
}

async function serveHere(flags: Source, configFile: string | undefined, io: Io): Promise<number> {
  const variables = process.env;
  const loaded = loadConfig({ flags, configFile, variables, terminal: io.stderrIsTerminal });
  await silence();
  const [{ startNode }, { createLogger }, { serve }, { processHost }] = await Promise.all([
    import('../node.js'),
    import('../log.js'),
    import('./serve.js'),
    import('./process-host.js'),
  ]);
  const { options } = loaded;
  const logger = createLogger({ ...options.log, nodeId: options.id });
  const host = processHost();
  const code = await serve(loaded, startNode, logger, host);
  await logger.close();
  // A connection that a peer keeps open must not keep a stopped node alive.
  host.exit(code);
  return code;
}
