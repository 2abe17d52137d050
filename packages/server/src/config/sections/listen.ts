/** The section `listen`: the ports of a node and the addresses that others are told. */
import { addressText } from '../address.js';
import type { OptionSpecs } from '../option.js';
import type { ListenAddress } from '../options.js';
import { addresses, toggle } from '../values.js';

export interface ListenValues {
  readonly 'listen.client': ListenAddress;
  readonly 'listen.raft': ListenAddress;
  readonly 'listen.advertise_client': string;
  readonly 'listen.advertise_raft': string;
  readonly 'listen.insecure': boolean;
}

export const listenOptions: OptionSpecs<ListenValues> = {
  'listen.client': {
    schema: addresses.listen,
    flag: { name: '--listenaddr', argument: 'HOST:PORT' },
    help:
      'where clients connect; without a host: loopback, or every interface with TLS or ' +
      '--insecure; port 0 takes any free port',
    defaultText: ':3000, or the port of its own entry for a founder',
    example: '":3000"',
    format: addressText,
  },
  'listen.raft': {
    schema: addresses.listen,
    flag: { name: '--raftaddr', argument: 'HOST:PORT' },
    aliases: [{ key: 'raft.port', read: anyHost }],
    help: 'where the other nodes connect; the host as for --listenaddr',
    defaultText: ':4000, or the port of its own entry for a founder',
    example: '":4000"',
    format: addressText,
  },
  'listen.advertise_client': {
    schema: addresses.advertised,
    flag: { name: '--advertise-addr', argument: 'HOST:PORT' },
    help: 'the client address that others are told',
    defaultText:
      'the listen host; without one 127.0.0.1 on loopback, else the local address ' +
      'of the connection to the join address or a founder, else the host name',
    example: '"127.0.0.1:3000"',
  },
  'listen.advertise_raft': {
    schema: addresses.advertised,
    flag: { name: '--advertise-raft-addr', argument: 'HOST:PORT' },
    help: 'the peer address that others are told',
    defaultText: 'as --advertise-addr',
    example: '"127.0.0.1:4000"',
  },
  'listen.insecure': {
    schema: toggle,
    flag: { name: '--insecure' },
    help:
      'serve without TLS beyond this machine: whoever reaches the ports may read and write; ' +
      'every start says so in the log',
    fallback: false,
  },
};

/** minicacher's `raft.port` and `http.port` are a port without a host. */
export function anyHost(port: unknown): unknown {
  return typeof port === 'number' || /^[0-9]+$/.test(String(port)) ? `:${port}` : port;
}
