// Goal: when and how a node process ends, and with which exit code.
// Method: the process is a double with a clock of its own; the node is a double that a test ends.
import { InvariantError } from '@cashe/raft';
import { describe, expect, it } from '@jest/globals';
import { type ServeHost, type StartNode, serve } from '../../src/cli/serve.js';
import { ConfigError } from '../../src/config/errors.js';
import type { ExitReason, RunningNode } from '../../src/config/options.js';
import { AddressInUseError, BindError } from '../../src/net/errors.js';
import { AssertionFailure } from '../../src/wal/errors.js';
import { type FakeLogger, fakeLogger } from '../support/cli.js';
import { resolve as resolveConfig } from '../support/config.js';

class FakeHost implements ServeHost {
  readonly exits: number[] = [];
  signal: (name: string) => void = () => {};
  launcherGone: () => void = () => {};
  uncaught: (error: unknown) => void = () => {};
  clockMs = 0;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  onSignal(handle: (name: string) => void): void {
    this.signal = handle;
  }
  onLauncherGone(handle: () => void): void {
    this.launcherGone = handle;
  }
  onUncaught(handle: (error: unknown) => void): void {
    this.uncaught = handle;
  }
  nowMs(): number {
    return this.clockMs;
  }
  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.clockMs + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }
  exit(code: number): void {
    this.exits.push(code);
  }
  advance(ms: number): void {
    this.clockMs += ms;
    for (const timer of this.#timers.filter((one) => one.atMs <= this.clockMs)) timer.run();
  }
}

class FakeNode implements RunningNode {
  readonly id = 'raft0';
  readonly clientAddress = '127.0.0.1:3000';
  readonly raftAddress = '127.0.0.1:4000';
  readonly calls: string[] = [];
  readonly closed: Promise<ExitReason>;
  readonly ready: Promise<void> = Promise.resolve();
  end: (reason: ExitReason) => void = () => {};
  isStuck = false;

  constructor() {
    this.closed = new Promise((resolve) => {
      this.end = resolve;
    });
  }
  async stop(): Promise<void> {
    this.calls.push('stop');
    if (!this.isStuck) this.end({ kind: 'stopped' });
  }
  async leave(): Promise<void> {
    this.calls.push('leave');
    this.end({ kind: 'removed' });
  }
}

interface Served {
  readonly host: FakeHost;
  readonly node: FakeNode;
  readonly logger: FakeLogger;
  readonly code: Promise<number>;
}

function served(
  start?: StartNode,
  flags: Parameters<typeof resolveConfig>[0] = {},
  warnings: readonly string[] = [],
): Served {
  const host = new FakeHost();
  const node = new FakeNode();
  const logger = fakeLogger();
  const code = serve(
    { ...resolveConfig(flags), warnings },
    start ?? (async () => node),
    logger,
    host,
  );
  return { host, node, logger, code };
}

/** Lets everything that only waits for promises run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a node process', () => {
  it('logs its effective settings first, and what may be a mistake', async () => {
    const { logger, node, code } = served(undefined, {}, ['CASHE_X is no option']);
    expect(logger.lines[0]).toMatch(/^info effective settings \{"node.id":"raft0"/);
    expect(logger.lines[1]).toBe('warn CASHE_X is no option {}');
    node.end({ kind: 'stopped' });
    await code;
  });

  it.each([
    [{ kind: 'stopped' }, 0],
    [{ kind: 'removed' }, 0],
    [{ kind: 'failed', message: 'fsync failed' }, 1],
  ] as const)('whose node ended as %j exits with %i', async (reason, expected) => {
    const { node, code, host } = served();
    node.end(reason);
    expect(await code).toBe(expected);
    expect(host.exits).toEqual([]);
  });

  it('stops gracefully on the first signal', async () => {
    const { host, node, code } = served();
    await settle();
    host.signal('SIGTERM');
    expect(await code).toBe(0);
    expect(node.calls).toEqual(['stop']);
  });

  it('stops when its launcher is gone', async () => {
    const { host, node, code } = served();
    await settle();
    host.launcherGone();
    expect(await code).toBe(0);
    expect(node.calls).toEqual(['stop']);
  });

  it('exits at once on a second signal, unless that comes within 500 ms of the first', async () => {
    const { host, node } = served();
    node.isStuck = true;
    await settle();
    host.signal('SIGINT');
    host.advance(500);
    host.signal('SIGINT');
    expect(host.exits).toEqual([]);
    host.advance(1);
    host.signal('SIGINT');
    expect(host.exits).toEqual([130]);
  });

  it('gives up a stop that never ends', async () => {
    const { host, node, code, logger } = served(undefined, { 'node.drain_ms': '1000' });
    node.isStuck = true;
    await settle();
    host.signal('SIGTERM');
    await settle();
    host.advance(6_000);
    expect(await code).toBe(1);
    expect(logger.lines.at(-1)).toContain('the stop took too long');
  });
});

describe('with --leave-on-exit', () => {
  it('a stop may take the time that leaving takes', async () => {
    const flags = { 'node.drain_ms': '1000', 'node.leave_on_exit': true };
    const { host, node, code } = served(undefined, flags);
    node.isStuck = true;
    await settle();
    host.signal('SIGTERM');
    await settle();
    host.advance(60_000);
    await settle();
    node.end({ kind: 'removed' });
    expect(await code).toBe(0);
  });
});

describe('a start', () => {
  class LockedError extends Error {
    override readonly name = 'LockedError';
  }
  const coded = (code: string): Error =>
    Object.assign(new Error(`listen ${code}: address :::3000`), { code });
  const inUse = coded('EADDRINUSE');

  it.each([
    [new ConfigError({ key: '--capacity' }, 'differs'), 2, 'cannot start: --capacity: differs {}'],
    [new LockedError('./data/raft0 is in use'), 1, 'cannot start: ./data/raft0 is in use {}'],
    [inUse, 1, 'the port is in use (listen EADDRINUSE'],
    [new AddressInUseError('h:1', inUse), 1, 'cannot start: h:1 is in use by another process {}'],
    [new BindError('h:1', coded('EACCES')), 1, 'cannot listen on h:1: permission denied {}'],
    [new BindError('h:1', new Error('x')), 1, 'cannot listen on h:1: x {}'],
  ])('fails: case %# exits with code and line', async (error, expected, line) => {
    const { code, logger } = served(() => Promise.reject(error));
    expect(await code).toBe(expected);
    expect(logger.lines.at(-1)).toContain(line);
    expect(logger.lines.at(-1)).not.toContain('trace');
  });

  it.each([new TypeError('x'), new InvariantError('x'), new AssertionFailure('x')])(
    'that fails by a bug logs the trace: case %#',
    async (error) => {
      const { code, logger } = served(() => Promise.reject(error));
      expect(await code).toBe(1);
      expect(logger.lines.at(-1)).toMatch(/"trace":"\w+: x\\n +at /);
    },
  );

  it('that waits for others ends with the drain time after a signal', async () => {
    const { host, code } = served(() => new Promise(() => {}));
    host.signal('SIGINT');
    await settle();
    host.advance(10_000);
    expect(await code).toBe(0);
  });

  it('that completes after a signal is followed by a stop', async () => {
    let complete: (node: RunningNode) => void = () => {};
    const starting = new Promise<RunningNode>((resolve) => {
      complete = resolve;
    });
    const { host, node, code } = served(() => starting);
    host.signal('SIGINT');
    await settle();
    complete(node);
    expect(await code).toBe(0);
    expect(node.calls).toEqual(['stop']);
  });
});

describe('an error that nothing caught', () => {
  it('is one line in the log and ends the process with 1', async () => {
    const { host, node, logger, code } = served();
    host.uncaught(new TypeError('x is undefined'));
    expect(host.exits).toEqual([1]);
    expect(logger.lines.at(-1)).toContain('x is undefined');
    node.end({ kind: 'stopped' });
    await code;
  });
});
