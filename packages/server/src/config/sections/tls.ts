/** The section `tls`: certificates of every port of a node (R40). */
import type { OptionSpecs } from '../option.js';
import type { ClientAuth } from '../options.js';
import { oneOf, text } from '../values.js';

export interface TlsValues {
  readonly 'tls.cert': string;
  readonly 'tls.key': string;
  readonly 'tls.ca': string;
  readonly 'tls.client_auth': ClientAuth;
}

export const tlsOptions: OptionSpecs<TlsValues> = {
  'tls.cert': {
    schema: text('a file'),
    flag: { name: '--tls-cert', argument: 'FILE' },
    help: 'PEM certificate of this node, with its chain; turns TLS on, on every port',
    defaultText: 'none: no TLS',
    example: './certs/cashe0.crt',
  },
  'tls.key': {
    schema: text('a file'),
    flag: { name: '--tls-key', argument: 'FILE' },
    help: 'PEM private key of the certificate',
    example: './certs/cashe0.key',
  },
  'tls.ca': {
    schema: text('a file'),
    flag: { name: '--tls-ca', argument: 'FILE' },
    help: 'PEM certificates of the CA that signs nodes, clients and admins',
    example: './certs/ca.crt',
  },
  'tls.client_auth': {
    schema: oneOf(['none', 'request', 'require']),
    flag: { name: '--client-auth', argument: 'MODE' },
    help:
      'client certificates on the client port: none, request (taken when there is one) or ' +
      'require; peers always show theirs',
    defaultText: 'require, with TLS',
    example: 'require',
  },
};
