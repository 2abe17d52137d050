/** TLS of the client commands: flags to certificates, and certificates to a gRPC channel. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, type SecureContext } from 'node:tls';
import { type ChannelCredentials, type ClientOptions, credentials } from '@grpc/grpc-js';
import { endingWithChannel } from '../net/ending-credentials.js';
import { errorText } from '../net/errors.js';
import { CommandError, exitCodes } from './exit-codes.js';

/** PEM; `true`: TLS with the authorities that Node.js trusts. */
export type CallTls =
  | true
  | {
      readonly ca: Buffer | undefined;
      readonly cert: Buffer | undefined;
      readonly key: Buffer | undefined;
    };

interface TlsFlags {
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Any of the files means TLS. Throws a CommandError for what cannot be used. */
export function callTls(flags: TlsFlags): CallTls | undefined {
  const { tls, tlsCa, tlsCert, tlsKey } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new CommandError(exitCodes.usage, '--tls-cert and --tls-key belong together');
  }
  if (tlsCa === undefined && tlsCert === undefined) return tls === true ? true : undefined;
  const pem = { ca: read(tlsCa), cert: read(tlsCert), key: read(tlsKey) };
  contextOf(pem);
  return pem;
}

/** Credentials and options of a channel to the endpoint. */
export function channelTls(
  endpoint: string,
  tls: CallTls | undefined,
): { readonly credentials: ChannelCredentials; readonly options: ClientOptions } {
  if (tls === undefined) {
    return { credentials: endingWithChannel(credentials.createInsecure()), options: {} };
  }
  const host = endpoint.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  const secure = credentials.createFromSecureContext(contextOf(tls), {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  });
  // An address is no server name (RFC 6066, 3), and grpc-js would send it as one.
  const options = isIP(host) === 0 ? {} : { 'grpc.ssl_target_name_override': 'cashe' };
  return { credentials: endingWithChannel(secure), options };
}

function contextOf(tls: CallTls): SecureContext {
  const { ca, cert, key }: Partial<Exclude<CallTls, true>> = tls === true ? {} : tls;
  try {
    const given = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    return createSecureContext({ ...given, minVersion: 'TLSv1.2' });
  } catch (error) {
    throw new CommandError(exitCodes.usage, `the certificates are of no use: ${errorText(error)}`);
  }
}

function read(file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CommandError(exitCodes.usage, errorText(error));
  }
}
