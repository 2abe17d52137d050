/**
 * One process per data directory.
 *
 * A holder listens on a unix socket in the directory, under a name of its own that nobody ever uses
 * again. The kernel closes it with the process, however that ends, so a lock is held exactly if a
 * connection to it succeeds: no clean-up after kill -9, no guess from process ids, which are reused
 * and mean nothing across containers that share a volume.
 *
 * Taking it: publish the own socket, then look at all others. Of two processes the one that looks
 * later sees the other's, so never both succeed. Both may see each other and give up; hence a few
 * attempts with random pauses. Sockets nobody listens on belong to ended processes and are deleted.
 * A socket is published by renaming it after `listen`, so one that refuses is never just starting.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errorCode, StorageError, systemError } from './errors.js';
import { lockName, lockPid } from './lock-name.js';

/** Socket paths are limited to 104 to 108 bytes, with the terminating zero. */
const SOCKET_PATH_BYTES_MAX = 103;
/** Bytes of the longest name in a directory here: `lock-`, pid, 16 hex digits. */
const SOCKET_NAME_BYTES_MAX = 40;
const ATTEMPTS_MAX = 4;
const PAUSE_MS = 20;
/** Someone who does not answer, perhaps stopped, still holds the lock. */
const CONNECT_MS_MAX = 2000;

interface DirectoryLock {
  release(): Promise<void>;
}

/** Locks the existing directory `path`; throws `locked`, naming the process that holds it. */
export async function lockDirectory(path: string): Promise<DirectoryLock> {
  for (let attempt = 1; ; attempt += 1) {
    const claim = await publish(resolve(path));
    const holder = await otherHolder(claim);
    if (holder === undefined) return { release: () => withdraw(claim) };
    await withdraw(claim);
    if (attempt === ATTEMPTS_MAX) {
      const message = `${path} is in use by process ${holder}`;
      throw new StorageError('locked', message, { file: path });
    }
    await pause(PAUSE_MS * attempt * (1 + Math.random()));
  }
}

/** The process that holds the directory `path`, if any; takes and changes nothing there. */
export async function lockHolder(path: string): Promise<number | undefined> {
  const absolute = resolve(path);
  const alias = await aliasOf(absolute);
  try {
    for (const name of await readdir(absolute)) {
      const pid = lockPid(name);
      if (pid !== undefined && (await isListening(join(alias.path, name)))) return pid;
    }
    return undefined;
  } catch (error) {
    throw systemError('lock', path, error);
  } finally {
    await alias.remove();
  }
}

interface Claim {
  readonly path: string;
  readonly name: string;
  readonly server: Server;
  /** A short way to `path` for socket calls; differs from it when `path` is long. */
  readonly alias: Alias;
}

interface Alias {
  readonly path: string;
  /** May be called again. */
  remove(): Promise<void>;
}

async function publish(path: string): Promise<Claim> {
  const unique = randomBytes(8).toString('hex');
  const name = lockName(process.pid, unique);
  const alias = await aliasOf(path);
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, join(alias.path, `.${unique}`));
    await rename(join(path, `.${unique}`), join(path, name));
  } catch (error) {
    server.close();
    await alias.remove();
    throw systemError('lock', path, error);
  }
  return { path, name, server, alias };
}

/** The process behind another live lock. Throws what makes the answer uncertain. */
async function otherHolder(claim: Claim): Promise<number | undefined> {
  const { path, name: own, alias } = claim;
  try {
    for (const name of await readdir(path)) {
      const pid = lockPid(name);
      if (pid === undefined || name === own) continue;
      if (await isListening(join(alias.path, name))) return pid;
      // Its process ended, and the name is never used again.
      await rm(join(path, name), { force: true });
    }
    // Held: a socket that listens needs no path, and what a path left here would outlive kill -9.
    await alias.remove();
  } catch (error) {
    await withdraw(claim);
    throw systemError('lock', path, error);
  }
  return undefined;
}

async function withdraw(claim: Claim): Promise<void> {
  const { path, name, server, alias } = claim;
  await rm(join(path, name), { force: true });
  await new Promise<void>((done) => {
    server.close(() => done());
  });
  await alias.remove();
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((done, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      // Holding a lock does not keep a process running.
      server.unref();
      done();
    });
  });
}

function isListening(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path);
    const settle = (listening: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      done(listening);
    };
    const timer = setTimeout(() => settle(true), CONNECT_MS_MAX);
    socket.once('connect', () => settle(true));
    socket.once('error', (error) => {
      const code = errorCode(error);
      settle(code !== 'ECONNREFUSED' && code !== 'ENOENT');
    });
  });
}

/** Sockets need short paths; a symbolic link in the temporary directory makes one. */
async function aliasOf(path: string): Promise<Alias> {
  if (Buffer.byteLength(path) + SOCKET_NAME_BYTES_MAX <= SOCKET_PATH_BYTES_MAX) {
    return { path, remove: () => Promise.resolve() };
  }
  const directory = await mkdtemp(join(tmpdir(), 'cashe-'));
  const link = join(directory, 'd');
  await symlink(path, link);
  return {
    path: link,
    remove: async () => {
      await rm(link, { force: true });
      await rm(directory, { recursive: true, force: true });
    },
  };
}
