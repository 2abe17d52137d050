/**
 * Every option, once: name in a file, flag, what it takes, default, and what it is for. Flags,
 * files, defaults, `--help` and `configs/every-option.yaml` all follow from this table; a further
 * source of values (the environment, say) is one more `Source` for `resolveOptions`.
 */
import { z } from 'zod';
import { didYouMean } from './nearest.js';
import type { EvictionPolicy, Founder, ListenAddress, LogFormat, LogLevel } from './options.js';
import { addresses, bytes, integer, oneOf, peerRoutes, text, toggle } from './values.js';

export interface OptionValues {
  readonly 'node.id': string;
  readonly 'node.data_dir': string;
  readonly 'node.leave_on_exit': boolean;
  readonly 'node.rejoin': boolean;
  readonly 'node.drain_ms': number;
  readonly 'listen.client': ListenAddress;
  readonly 'listen.raft': ListenAddress;
  readonly 'listen.advertise_client': string;
  readonly 'listen.advertise_raft': string;
  readonly 'listen.insecure': boolean;
  readonly 'cluster.genesis': readonly Founder[];
  readonly 'cluster.join': string;
  readonly 'cluster.peer_routes': ReadonlyMap<string, string>;
  readonly 'cluster.replication_factor': number;
  readonly 'cache.capacity': number;
  readonly 'cache.max_bytes': number;
  readonly 'cache.eviction': EvictionPolicy;
  readonly 'log.level': LogLevel;
  readonly 'log.format': LogFormat;
}
export type OptionKey = keyof OptionValues;

/** One option. `T` is what its schema makes of a flag's text or a file's value. */
export interface OptionSpec<T> {
  readonly schema: z.ZodType<T>;
  /** Absent: only a file can state it. */
  readonly flag?: {
    readonly name: `--${string}`;
    /** What follows the flag; absent: a switch. */
    readonly argument?: string;
    readonly repeatable?: boolean;
  };
  readonly help: string;
  /** The default as `--help` words it. */
  readonly defaultText: string;
}

/** Node ids name files, certificates and log lines. */
const idPattern = /^[A-Za-z0-9._-]{1,64}$/;
const idAllowed = '1 to 64 of A-Z a-z 0-9 . _ -';
const foundersMax = 64;
const drainMsMax = 600_000;

/** `.` and `..` would name a directory that is not the node's own. */
const isId = (id: string): boolean => idPattern.test(id) && !/^\.\.?$/.test(id);
const id = text(idAllowed).refine(isId, { error: `must be ${idAllowed}` });

const founderKeys = ['id', 'client', 'raft'];
const founder = z.strictObject(
  { id, client: addresses.advertised, raft: addresses.advertised },
  {
    error: (issue) => {
      const unknown = issue.code === 'unrecognized_keys' ? String(issue['keys']?.[0]) : undefined;
      if (unknown === undefined) return 'must be a founder: { id, client, raft }';
      return `unknown key ${unknown}${didYouMean(unknown, founderKeys)}`;
    },
  },
);

const listError = `must be a list of 1 to ${foundersMax} founders, each { id, client, raft }`;
const genesis = z
  .array(founder, { error: listError })
  .min(1, { error: listError })
  .max(foundersMax, { error: listError })
  .superRefine((founders, context) => {
    const seen = new Map<string, string>();
    for (const [index, one] of founders.entries()) {
      for (const field of ['id', 'client', 'raft'] as const) {
        const key = `${field === 'id' ? 'id' : 'address'} ${one[field]}`;
        const first = seen.get(key);
        const message = `${key} is already ${first}: every founder has its own`;
        if (first !== undefined)
          context.addIssue({ code: 'custom', path: [index, field], message });
        seen.set(key, `genesis[${index}].${field}`);
      }
    }
  });

export const optionSpecs: { readonly [K in OptionKey]: OptionSpec<OptionValues[K]> } = {
  'node.id': {
    schema: id,
    flag: { name: '--id', argument: 'ID' },
    help: `name of this node in the cluster, ${idAllowed}`,
    defaultText: 'raft0',
  },
  'node.data_dir': {
    schema: text('a directory'),
    flag: { name: '--data-dir', argument: 'DIR' },
    help: 'where the node keeps its log and snapshots; one directory for one node',
    defaultText: './data/<id>',
  },
  'listen.client': {
    schema: addresses.listen,
    flag: { name: '--listenaddr', argument: 'HOST:PORT' },
    help: 'where clients connect; without a host: loopback, or every interface with --insecure',
    defaultText: ':3000, or the port of its own entry for a founder',
  },
  'listen.raft': {
    schema: addresses.listen,
    flag: { name: '--raftaddr', argument: 'HOST:PORT' },
    help: 'where the other nodes connect; the host as for --listenaddr',
    defaultText: ':4000, or the port of its own entry for a founder',
  },
  'listen.advertise_client': {
    schema: addresses.advertised,
    flag: { name: '--advertise-addr', argument: 'HOST:PORT' },
    help: 'the client address that others are told',
    defaultText:
      'the listen host; without one 127.0.0.1 on loopback, else the local address ' +
      'of the connection to the join address or a founder, else the host name',
  },
  'listen.advertise_raft': {
    schema: addresses.advertised,
    flag: { name: '--advertise-raft-addr', argument: 'HOST:PORT' },
    help: 'the peer address that others are told',
    defaultText: 'as --advertise-addr',
  },
  'listen.insecure': {
    schema: toggle,
    flag: { name: '--insecure' },
    help: 'serve without TLS beyond this machine: whoever reaches the port may read and write',
    defaultText: 'off',
  },
  'cluster.genesis': {
    schema: genesis,
    help: 'the founding nodes, the same list on each; --id says which one a process is',
    defaultText: 'none',
  },
  'cluster.join': {
    schema: addresses.dialled,
    flag: { name: '--leaderaddr', argument: 'HOST:PORT' },
    help: 'join the cluster of this node (client address of any member); retried until admitted',
    defaultText: 'none: without founders, found a one-node cluster',
  },
  'cluster.peer_routes': {
    schema: peerRoutes(isId, idAllowed),
    flag: { name: '--peer-route', argument: 'ID=HOST:PORT', repeatable: true },
    help: 'dial that node here instead of at its peer address (NAT, proxies)',
    defaultText: 'none',
  },
  'cluster.replication_factor': {
    schema: integer(1, 9),
    flag: { name: '--replication-factor', argument: 'N' },
    help: 'voters aimed for, 1 to 9; the largest odd number that the members allow is used',
    defaultText: '3',
  },
  'cache.capacity': {
    schema: integer(0, Number.MAX_SAFE_INTEGER, new Map([['none', 0]])),
    flag: { name: '--capacity', argument: 'ENTRIES' },
    help: 'entries kept at most; 0 or none: no limit',
    defaultText: 'none',
  },
  'cache.max_bytes': {
    schema: bytes(1024),
    flag: { name: '--max-bytes', argument: 'BYTES' },
    help: 'logical bytes of keys and values kept at most, such as 268435456 or 256MiB',
    defaultText: '256MiB',
  },
  'cache.eviction': {
    schema: oneOf(['lru', 'noeviction']),
    flag: { name: '--eviction', argument: 'POLICY' },
    help: 'when full: lru (least recently used keys go) or noeviction (writes are refused)',
    defaultText: 'lru',
  },
  'node.leave_on_exit': {
    schema: toggle,
    flag: { name: '--leave-on-exit' },
    help: 'leave the cluster when stopped by a signal',
    defaultText: 'off',
  },
  'node.rejoin': {
    schema: toggle,
    flag: { name: '--rejoin' },
    help: 'start although this node was removed: ask to be admitted again',
    defaultText: 'off',
  },
  'node.drain_ms': {
    schema: integer(0, drainMsMax),
    flag: { name: '--drain-ms', argument: 'MS' },
    help: `a graceful stop takes this long at most, 0 to ${drainMsMax}`,
    defaultText: '10000',
  },
  'log.level': {
    schema: oneOf(['error', 'warn', 'info', 'debug']),
    flag: { name: '--log-level', argument: 'LEVEL' },
    help: 'least severe level logged: error, warn, info or debug',
    defaultText: 'info',
  },
  'log.format': {
    schema: oneOf(['json', 'pretty']),
    flag: { name: '--log-format', argument: 'FORMAT' },
    help: 'json or pretty; the log goes to standard error',
    defaultText: 'pretty on a terminal, else json',
  },
};

export const optionKeys: readonly OptionKey[] = Object.keys(optionSpecs) as OptionKey[];
