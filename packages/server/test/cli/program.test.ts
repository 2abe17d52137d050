// Goal: the command line is understood, and whatever is wrong with it is one line and exit code 2.
import { describe, expect, it } from '@jest/globals';
import { CommandError, exitCodes } from '../../src/cli/exit-codes.js';
import { type Actions, runProgram } from '../../src/cli/program.js';
import { ConfigError } from '../../src/config/errors.js';
import { defaultText, type OptionSpec } from '../../src/config/option.js';
import { resolveOptions } from '../../src/config/resolve.js';
import { optionKeys, optionSpecs } from '../../src/config/schema.js';
import { type FakeIo, fakeIo } from '../support/cli.js';

interface Ran {
  readonly code: number;
  readonly calls: readonly unknown[];
  readonly io: FakeIo;
}

async function run(argv: readonly string[], failure?: Error): Promise<Ran> {
  const calls: unknown[] = [];
  const action =
    (name: string) =>
    async (...given: unknown[]): Promise<number> => {
      calls.push([name, ...given]);
      if (failure !== undefined) throw failure;
      return 0;
    };
  const serve: Actions['serve'] = async (flags, file) => {
    const { options } = resolveOptions([flags], { terminal: true });
    return action('serve')(options, file);
  };
  // Every action there is tells its name and what it was given.
  const actions = new Proxy({} as Actions, {
    get: (_, name) => (name === 'serve' ? serve : action(String(name))),
  });
  const io = fakeIo();
  const code = await runProgram(argv, actions, io, '1.2.3');
  return { code, calls, io };
}

describe('serve', () => {
  it('is what runs without a command', async () => {
    const { calls, code } = await run([]);
    expect(calls).toEqual([['serve', expect.objectContaining({ id: 'raft0' }), undefined]]);
    expect(code).toBe(0);
    expect((await run(['serve'])).calls).toEqual(calls);
  });

  it('takes every flag, with = or a space', async () => {
    const argv = [
      ...['--id=n1', '--listenaddr=:3001', '--raftaddr', ':4001', '--leaderaddr=:3000'],
      ...['--advertise-addr=h:1', '--advertise-raft-addr=h:2', '--peer-route=a=:1'],
      ...['--peer-route', 'b=x:2', '--data-dir=/d', '--capacity=5', '--max-bytes=1MiB'],
      ...['--eviction=noeviction', '--replication-factor=5', '--leave-on-exit', '--rejoin'],
      ...['--insecure', '--config=f.yaml', '--log-level=warn', '--log-format=json'],
      ...['--drain-ms=7', '--restaddr=:3080', '--metricsaddr=:3090', '--compat'],
      '--log-file=cashe.log',
    ];
    const defaults = resolveOptions([], { terminal: true }).options;
    const { calls, io } = await run(argv);
    expect(io.complaints).toEqual([]);
    expect(calls).toEqual([
      [
        'serve',
        {
          id: 'n1',
          listen: { host: '', port: 3001 },
          raftListen: { host: '', port: 4001 },
          advertiseClient: 'h:1',
          advertiseRaft: 'h:2',
          join: '127.0.0.1:3000',
          founders: undefined,
          peerRoutes: new Map([
            ['a', '127.0.0.1:1'],
            ['b', 'x:2'],
          ]),
          dataDir: '/d',
          settings: {
            entriesMax: 5,
            bytesMax: 1048576,
            eviction: 'noeviction',
            replicationFactor: 5,
          },
          tls: undefined,
          http: {
            rest: { host: '', port: 3080 },
            clientAuth: 'none',
            compat: true,
            metrics: { host: '', port: 3090 },
          },
          access: { roles: [], bindings: [], tokens: [] },
          waitForJoin: false,
          insecure: true,
          leaveOnExit: true,
          rejoin: true,
          audit: 'denials',
          raft: defaults.raft,
          limits: defaults.limits,
          log: { ...defaults.log, level: 'warn', format: 'json', file: 'cashe.log' },
          drainMs: 7,
        },
        'f.yaml',
      ],
    ]);
  });

  it('has switches that can be turned off', async () => {
    const { calls } = await run(['--insecure', '--no-insecure']);
    expect(calls).toEqual([['serve', expect.objectContaining({ insecure: false }), undefined]]);
  });
});

describe('a mistake is one line and exit code 2', () => {
  it.each([
    [['--capcity=3'], "unknown option '--capcity'; did you mean --capacity?"],
    [['--zzzzzzzzzz'], "unknown option '--zzzzzzzzzz' (see cashe --help)"],
    [['--id'], "option '--id <ID>' argument missing"],
    [['--capacity=x'], '--capacity: must be an integer'],
    [['--listenaddr=3000'], '--listenaddr: "3000" is not an address (allowed: HOST:PORT'],
    [['--listenaddr=0.0.0.0:3000'], '--listenaddr: 0.0.0.0:3000 is not loopback'],
    [['--id=a/b'], '--id: must be 1 to 64'],
    [['sett', 'k', 'v'], 'unknown command "sett"; did you mean set?'],
    [['frobnicate'], 'unknown command "frobnicate"; commands: serve, get, set, delete'],
    [['get'], "missing required argument 'key'"],
    [['get', 'a', 'b'], 'too many arguments'],
    [['get', 'a', '--endpont=x:1'], "unknown option '--endpont'; did you mean --endpoint?"],
    [['get', 'a', '--endpoint=x'], 'is not an address (allowed: HOST:PORT'],
    [['get', 'a', '--timeout=0'], 'must be an integer from 1 to 3600000'],
    [['set', 'a', 'b', '--ttl=1.5'], 'must be an integer from 1 to'],
    [['set', 'a', 'b', '--ttl=1', '--keep-ttl'], 'cannot be used with'],
    [['config', 'print', '--capcity=3'], "unknown option '--capcity'; did you mean --capacity?"],
    [['config', 'prnt'], "unknown command 'prnt'"],
    [['config', 'check'], "missing required argument 'file'"],
  ])('%j', async (argv, message) => {
    const { code, io, calls } = await run(argv);
    expect(io.complaints).toEqual([expect.stringContaining(message)]);
    expect(io.complaints[0]).toMatch(/^cashe: (?!error)[^\n]+$/);
    expect(code).toBe(2);
    expect(calls).toEqual([]);
    expect(io.out).toEqual([]);
  });
});

describe('the client commands', () => {
  const defaults = { endpoints: ['localhost:3000'], timeoutMs: 5_000 };

  it.each([
    [
      ['get', 'k'],
      ['get', 'k', { ...defaults, stale: false }],
    ],
    [
      ['get', 'k', '--stale'],
      ['get', 'k', { ...defaults, stale: true }],
    ],
    [
      ['set', 'k', 'v'],
      ['set', 'k', 'v', { ...defaults, keepTtl: false }],
    ],
    [
      ['set', 'k', '-'],
      ['set', 'k', undefined, { ...defaults, keepTtl: false }],
    ],
    [
      ['set', 'k'],
      ['set', 'k', undefined, { ...defaults, keepTtl: false }],
    ],
    [
      ['set', '--', '-k', '-v'],
      ['set', '-k', '-v', { ...defaults, keepTtl: false }],
    ],
    [
      ['set', 'k', 'v', '--ttl', '9'],
      ['set', 'k', 'v', { ...defaults, ttlMs: 9 }],
    ],
    [
      ['delete', 'k', '--timeout=9'],
      ['delete', 'k', { ...defaults, timeoutMs: 9 }],
    ],
    [
      ['status', '--json'],
      ['status', { ...defaults, json: true }],
    ],
    [['members'], ['members', { ...defaults, json: false }]],
    [['leave'], ['leave', undefined, { ...defaults, timeoutMs: 60_000 }]],
    [
      ['leave', 'raft2'],
      ['leave', 'raft2', { ...defaults, timeoutMs: 60_000 }],
    ],
    [
      ['transfer', 'raft2'],
      ['transfer', 'raft2', defaults],
    ],
    [
      ['verify', 'data/raft2'],
      ['verify', 'data/raft2'],
    ],
    [
      ['members', '--endpoint=:3001', '--endpoint', '[::1]:2'],
      ['members', { ...defaults, endpoints: ['localhost:3001', '[::1]:2'] }],
    ],
  ])('%j', async (argv, expected) => {
    const { code, calls, io } = await run(argv);
    expect(io.complaints).toEqual([]);
    expect(calls).toMatchObject([expected]);
    expect(code).toBe(0);
  });

  it.each([
    [['get', 'k'], 'localhost:3001'],
    [['get', 'k', '--endpoint=h:1'], 'h:1'],
    [['access', 'get'], 'localhost:3001'],
    [['config', 'get'], 'localhost:3001'],
  ])('%j goes where CASHE_ENDPOINT says when no flag does', async (argv, endpoint) => {
    const before = process.env['CASHE_ENDPOINT'];
    process.env['CASHE_ENDPOINT'] = ':3001';
    try {
      const { calls } = await run(argv);
      expect(JSON.stringify(calls)).toContain(`"endpoints":["${endpoint}"]`);
    } finally {
      if (before === undefined) delete process.env['CASHE_ENDPOINT'];
      else process.env['CASHE_ENDPOINT'] = before;
    }
  });
});

describe('a failure', () => {
  it.each([
    [new CommandError(exitCodes.unknownOutcome, 'lost'), 'cashe: lost', 4],
    [new ConfigError({ key: '--id' }, 'no'), 'cashe: --id: no', 2],
  ])('%s is told in one line', async (failure, line, exitCode) => {
    const { code, io } = await run(['get', 'k'], failure);
    expect(io.complaints).toEqual([line]);
    expect(code).toBe(exitCode);
  });

  it('that nobody foresaw is told with its trace', async () => {
    const { code, io } = await run(['get', 'k'], new TypeError('x is not a function'));
    expect(io.complaints[0]).toContain('internal error: TypeError: x is not a function');
    expect(code).toBe(exitCodes.internal);
  });
});

describe('--help', () => {
  it('explains every flag with its default, examples and exit codes', async () => {
    const { io, code, calls } = await run(['--help']);
    const text = io.out.join('');
    const flat = text.replace(/\s+/g, ' ');
    for (const key of optionKeys) {
      const spec: OptionSpec<unknown> = optionSpecs[key];
      if (spec.flag === undefined) continue;
      expect(flat).toContain(spec.flag.name);
      expect(flat).toContain(`(default: ${defaultText(spec)})`);
    }
    expect(text).toContain('--leaderaddr=:3000');
    expect(text).toContain('Exit codes:');
    expect(text).not.toContain('--no-insecure');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(code).toBe(0);
    expect(calls).toEqual([]);
  });

  it('of a command explains that command', async () => {
    const { io, code } = await run(['set', '--help']);
    expect(io.out.join('')).toContain('--ttl <MS>');
    expect(code).toBe(0);
  });

  it('has the version beside it', async () => {
    expect((await run(['--version'])).io.out).toEqual(['1.2.3\n']);
  });
});
