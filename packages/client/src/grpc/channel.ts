import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { deriveLimits, VALUE_BYTES_MAX_LIMIT } from '@cashe/codec';
import { type ChannelCredentials, type ClientOptions, credentials } from '@grpc/grpc-js';
import { endingWithChannel } from './ending-credentials.js';
import type { TlsFrame } from './tls-source.js';

const flowControlWindowBytes = 4 * 1024 * 1024;

/** The certificate found at the endpoint must be valid for its host, or for `serverName`. */
export function credentialsFor(endpoint: string, tls: TlsFrame | undefined): ChannelCredentials {
  if (tls === undefined) return endingWithChannel(credentials.createInsecure());
  const name = tls.serverName ?? hostOf(endpoint);
  const secure = credentials.createFromSecureContext(tls.context, {
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
  });
  return endingWithChannel(secure);
}

export function channelOptions(endpoint: string, tls: TlsFrame | undefined): ClientOptions {
  return {
    // The core decides about retries; a retry buffer would hold a long stream's messages.
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
    // A shared subchannel would make a new attempt wait for another one's backoff.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 3_000,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.max_receive_message_length': deriveLimits(VALUE_BYTES_MAX_LIMIT).messageBytesMax,
    'grpc.max_send_message_length': -1,
    // 64 KiB, the default, gives 3 MiB/s at 10 ms round trip (R32).
    'grpc-node.flow_control_window': flowControlWindowBytes,
    ...(tls && nameToSend(endpoint, tls)),
  };
}

/** An address is no server name (RFC 6066, 3), and grpc-js would send it as one. */
function nameToSend(endpoint: string, { serverName }: TlsFrame): ClientOptions {
  const name = serverName ?? (isIP(hostOf(endpoint)) === 0 ? undefined : 'cashe');
  return name === undefined ? {} : { 'grpc.ssl_target_name_override': name };
}

/** `host:port` or `[ipv6]:port`. */
function hostOf(endpoint: string): string {
  return endpoint.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}
