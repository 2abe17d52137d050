/** Where a node listens and which address it tells others (R40: without TLS, loopback only). */
import { hostname, networkInterfaces } from 'node:os';
import { formatAddress, isLoopback, isUnspecified } from './address.js';
import type { ListenAddress } from './options.js';

/** What the rules need to know of the machine. */
interface Machine {
  readonly hostName: string;
  /** ::1 is there. */
  readonly ipv6Loopback: boolean;
  /** Some IPv6 address is there. */
  readonly ipv6: boolean;
}

export function thisMachine(): Machine {
  const found = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const ipv6 = found.filter(({ family }) => family === 'IPv6');
  return {
    hostName: hostname(),
    ipv6Loopback: ipv6.some(({ address }) => address === '::1'),
    ipv6: ipv6.length > 0,
  };
}

/** Where to bind. With port 0 the addresses after the first take the port the first one got. */
export interface BindPlan {
  readonly addresses: readonly ListenAddress[];
  readonly scope: 'loopback' | 'everyInterface' | 'host';
  /** For the log: where it listens and why. */
  readonly reason: string;
}

/** `open`: TLS or --insecure is on, so an empty host is every interface. */
export function bindPlan(listen: ListenAddress, open: boolean, machine: Machine): BindPlan {
  const { host, port } = listen;
  if (host.toLowerCase() === 'localhost' || (host === '' && !open)) {
    const hosts = machine.ipv6Loopback ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
    const reason =
      host === '' ? 'loopback only: neither TLS nor --insecure is on' : 'loopback, as configured';
    return { addresses: hosts.map((one) => ({ host: one, port })), scope: 'loopback', reason };
  }
  if (host === '') {
    // A socket on :: takes IPv4 too.
    const everywhere = machine.ipv6 ? '::' : '0.0.0.0';
    const reason = 'every interface: no host was given';
    return { addresses: [{ host: everywhere, port }], scope: 'everyInterface', reason };
  }
  if (isUnspecified(host)) {
    const reason = 'every interface, as configured';
    return { addresses: [{ host, port }], scope: 'everyInterface', reason };
  }
  const scope = isLoopback(host) ? 'loopback' : 'host';
  return { addresses: [{ host, port }], scope, reason: `${host}, as configured` };
}

/** What is wrong with a host beyond loopback that nothing protects or allows (R40). */
export function exposure(listen: ListenAddress, open: boolean): string | undefined {
  if (open || listen.host === '' || isLoopback(listen.host)) return undefined;
  const address = formatAddress(listen.host, listen.port);
  return (
    `${address} is not loopback, and without TLS whoever reaches it may read and write; ` +
    'use 127.0.0.1 or no host, turn TLS on, or allow it with --insecure'
  );
}

interface AdvertiseInput {
  /** --advertise-addr or the founder's own entry. */
  readonly stated: string | undefined;
  readonly listen: ListenAddress;
  readonly boundPort: number;
  readonly scope: BindPlan['scope'];
  /** Local address of the connection to the join address or a founder: `localAddressTowards`. */
  readonly localAddress: string | undefined;
  readonly hostName: string;
}

/** The HOST:PORT that others are told. */
export function advertisedAddress(input: AdvertiseInput): string {
  if (input.stated !== undefined) return input.stated;
  const { host } = input.listen;
  const named = host !== '' && !isUnspecified(host);
  if (named) return formatAddress(host, input.boundPort);
  if (input.scope === 'loopback') return formatAddress('127.0.0.1', input.boundPort);
  return formatAddress(input.localAddress ?? input.hostName, input.boundPort);
}

/** The line that every start without TLS beyond loopback logs (R40); undefined: none is due. */
export function insecureWarning(insecure: boolean): string | undefined {
  if (!insecure) return undefined;
  return '--insecure: no TLS; whoever reaches the ports can listen, and take part as a node';
}
