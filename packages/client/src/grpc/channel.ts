import { deriveLimits, VALUE_BYTES_MAX_LIMIT } from '@cashe/codec';
import { type ChannelCredentials, type ClientOptions, credentials } from '@grpc/grpc-js';

/** PEM: who the client trusts and who it is. */
export interface TlsOptions {
  /** Certificates of the authority that signed the nodes'; undefined: those of Node.js. */
  readonly ca?: string | Uint8Array | undefined;
  /** The client's certificate and key, when the nodes ask for them (mutual TLS). */
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
  /** Name to expect in the nodes' certificates; undefined: the host of the address. */
  readonly serverName?: string | undefined;
}

const flowControlWindowBytes = 4 * 1024 * 1024;

export function credentialsFor(tls: TlsOptions | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(bufferOf(tls.ca), bufferOf(tls.key), bufferOf(tls.cert));
}

function bufferOf(pem: string | Uint8Array | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}

export function channelOptions(tls: TlsOptions | undefined): ClientOptions {
  const serverName =
    tls?.serverName === undefined ? {} : { 'grpc.ssl_target_name_override': tls.serverName };
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
    ...serverName,
  };
}
