/** Where a peer is and how to get there: addresses are resolved here, not by grpc-js (R34). */
import { lookup } from 'node:dns';
import { connect, isIP } from 'node:net';
import { type ChannelOptions, Client } from '@grpc/grpc-js';
import { plainReason } from '../net/plain-reason.js';
import type { TransportOptions } from './options.js';
import { dialCredentials, dialOptions } from './peer-tls.js';

interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** An address with its host resolved. */
export interface DialTarget {
  readonly ip: string;
  readonly port: number;
  /** The host as it was named. */
  readonly host: string;
}

/** `host:port` or `[ipv6]:port`; undefined when it is neither. */
export function parseAddress(address: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) return undefined;
  return { host, port };
}

/**
 * Resolves the address; `attempt` chooses among several IPs, so that each gets its turn. The error
 * does not name the address: the caller does.
 */
export function resolveAddress(
  address: string,
  attempt: number,
  done: (error: string | undefined, target: DialTarget | undefined) => void,
): void {
  const parsed = parseAddress(address);
  if (parsed === undefined) {
    process.nextTick(done, 'the address is not host:port', undefined);
    return;
  }
  const { host, port } = parsed;
  if (isIP(host) !== 0) {
    process.nextTick(done, undefined, { ip: host, port, host });
    return;
  }
  lookup(host, { all: true, verbatim: true }, (error, found) => {
    const chosen = error === null ? found[attempt % found.length] : undefined;
    if (chosen === undefined) done(plainReason(error?.message ?? 'unknown host name'), undefined);
    else done(undefined, { ip: chosen.address, port, host });
  });
}

function targetText(target: DialTarget): string {
  return isIP(target.ip) === 6 ? `[${target.ip}]:${target.port}` : `${target.ip}:${target.port}`;
}

type ProbeResult = 'accepted' | 'refused' | 'unreachable';

/**
 * Whether anybody listens there. grpc-js hides the errno of a failed connect in a text; a refused
 * connect right after a reset is what tells a dead process from a slow one (R7). Returns how to
 * give up; `done` is not called after that.
 */
export function probe(
  target: DialTarget,
  timeoutMs: number,
  done: (result: ProbeResult) => void,
): () => void {
  const socket = connect({ host: target.ip, port: target.port });
  let open = true;
  const finish = (result: ProbeResult): void => {
    if (!open) return;
    open = false;
    socket.destroy();
    done(result);
  };
  socket.setTimeout(timeoutMs, () => finish('unreachable'));
  socket.once('connect', () => finish('accepted'));
  // Stays attached: an error after the end must not become an uncaught one.
  socket.on('error', (error) => {
    const refused = 'code' in error && error.code === 'ECONNREFUSED';
    finish(refused ? 'refused' : 'unreachable');
  });
  return () => {
    open = false;
    socket.destroy();
  };
}

/** Whom a connection is to reach. */
interface Expected {
  /** undefined: any node. */
  readonly nodeId: string | undefined;
  /** Whose certificate was met there; only with TLS. */
  readonly onNode?: (nodeId: string) => void;
}

/** A channel of its own to one resolved address; the caller closes it. */
export function createPeerClient(
  target: DialTarget,
  { tls, limits }: Pick<TransportOptions, 'tls' | 'limits'>,
  { nodeId, onNode }: Expected,
): Client {
  const family = isIP(target.ip) === 6 ? 'ipv6' : 'ipv4';
  const options: ChannelOptions = {
    ...dialOptions(tls),
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.initial_reconnect_backoff_ms': limits.reconnectDelayMsMin,
    'grpc.max_reconnect_backoff_ms': limits.reconnectDelayMsMax,
    'grpc.max_receive_message_length': limits.messageBytesMax,
    'grpc.max_send_message_length': -1,
    'grpc-node.flow_control_window': limits.windowBytes,
  };
  if (isIP(target.host) === 0) {
    options['grpc.default_authority'] = `${target.host}:${target.port}`;
  }
  const credentials = dialCredentials(tls, nodeId, onNode);
  return new Client(`${family}:${targetText(target)}`, credentials, options);
}
