import { isIPv4, isIPv6 } from 'node:net';
import type { ListenAddress } from './options.js';

/** Which addresses a place takes. */
export type AddressUse =
  /** `:PORT` and port 0 are fine. */
  | 'listen'
  /** Somebody dials it from this machine: `:PORT` is this machine. */
  | 'dial'
  /** Others dial it: it needs a host that means something elsewhere. */
  | 'advertise';

type ParsedAddress =
  | { readonly ok: true; readonly address: ListenAddress }
  | { readonly ok: false; readonly problem: string };

const allowed: Readonly<Record<AddressUse, string>> = {
  listen: 'HOST:PORT or :PORT, port 0 to 65535',
  dial: 'HOST:PORT or :PORT for this machine, port 1 to 65535',
  advertise: 'HOST:PORT as others reach it, port 1 to 65535',
};

/** Reads HOST:PORT; an IPv6 host stands in brackets, and comes back without them. */
export function parseAddress(text: string, use: AddressUse): ParsedAddress {
  const refuse = (reason: string): ParsedAddress => ({
    ok: false,
    problem: `${reason} (allowed: ${allowed[use]}, IPv6 as [::1]:3000)`,
  });
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]+)$/.exec(text);
  if (match === null) return refuse(malformed(text));
  const bracketed = match[1];
  const host = bracketed ?? match[2] ?? '';
  const port = Number(match[3]);
  if (port > 65535 || (port === 0 && use !== 'listen')) {
    return refuse(`port ${match[3]} is out of range`);
  }
  if (bracketed !== undefined && !isIPv6(bracketed)) {
    return refuse(`${JSON.stringify(bracketed)} is not an IPv6 address`);
  }
  if (bracketed === undefined && host !== '' && !isHostName(host)) {
    return refuse(`${JSON.stringify(host)} is not a host name or IP address`);
  }
  if (use === 'advertise' && (host === '' || isUnspecified(host))) {
    return refuse(`${JSON.stringify(text)} has no host that others could dial`);
  }
  return { ok: true, address: { host, port } };
}

function malformed(text: string): string {
  if (isIPv6(text) || /^[0-9a-f]*:[0-9a-f:]*:[0-9]+$/i.test(text)) {
    return `${JSON.stringify(text)} needs brackets around its IPv6 address`;
  }
  return `${JSON.stringify(text)} is not an address`;
}

/** DNS names of up to 253 characters (underscores too: containers have them), or IPv4. */
function isHostName(host: string): boolean {
  if (isIPv4(host)) return true;
  const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;
  const labels = host.replace(/\.$/, '').split('.');
  const looksLikeIpv4 = /^[0-9]+$/.test(labels.at(-1) ?? '');
  return host.length <= 253 && !looksLikeIpv4 && labels.every((one) => label.test(one));
}

export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function addressText({ host, port }: ListenAddress): string {
  return formatAddress(host, port);
}

/** Reachable from this machine only. A host name other than localhost does not count. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost' || host === '::1') return true;
  return isIPv4(host) && host.startsWith('127.');
}

/** The wildcard addresses, which mean every interface like an empty host. */
export function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || (isIPv6(host) && /^[0:]+$/.test(host));
}
