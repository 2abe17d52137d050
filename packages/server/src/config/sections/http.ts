/** The section `http`: REST, health and metrics. */
import { addressText } from '../address.js';
import type { OptionSpecs } from '../option.js';
import type { ClientAuth, ListenAddress } from '../options.js';
import { addresses, oneOf, toggle } from '../values.js';
import { anyHost } from './listen.js';

export interface HttpValues {
  readonly 'http.rest': ListenAddress;
  readonly 'http.metrics': ListenAddress;
  readonly 'http.client_auth': ClientAuth;
  readonly 'http.compat': boolean;
}

export const httpOptions: OptionSpecs<HttpValues> = {
  'http.rest': {
    schema: addresses.listen,
    flag: { name: '--restaddr', argument: 'HOST:PORT' },
    aliases: [{ key: 'http.port', read: anyHost }],
    help: 'serve REST here; the host as for --listenaddr',
    defaultText: 'none: no REST; for a founder the port of `rest` in its own entry',
    example: '":8080"',
    format: addressText,
  },
  'http.metrics': {
    schema: addresses.listen,
    flag: { name: '--metricsaddr', argument: 'HOST:PORT' },
    help: 'serve health and metrics here, without asking for certificates',
    defaultText: 'the REST port',
    example: '":9090"',
    format: addressText,
  },
  'http.client_auth': {
    schema: oneOf(['none', 'request', 'require']),
    flag: { name: '--http-client-auth', argument: 'MODE' },
    help: 'client certificates on the REST port: none, request or require',
    defaultText: 'as --client-auth',
    example: 'require',
  },
  'http.compat': {
    schema: toggle,
    flag: { name: '--compat' },
    help: 'serve the REST routes of raft-cache, minicacher and minicache too',
    fallback: false,
  },
};
