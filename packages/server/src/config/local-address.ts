import { connect, type Socket } from 'node:net';
import { parseAddress } from './address.js';

const probedTargetsMax = 64;

/**
 * The address this machine uses towards the first target that accepts a connection: the one a
 * member there can most likely dial back. Undefined when none accepts in time.
 */
export function localAddressTowards(
  targets: readonly string[],
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sockets = new Set<Socket>();
    const finish = (address: string | undefined): void => {
      clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
      resolve(address);
    };
    const timer = setTimeout(() => finish(undefined), timeoutMs);
    for (const target of targets.slice(0, probedTargetsMax)) {
      const parsed = parseAddress(target, 'dial');
      if (!parsed.ok) continue;
      const { host, port } = parsed.address;
      const socket = connect({ host: host || '127.0.0.1', port });
      sockets.add(socket);
      socket.once('connect', () => finish(withoutMapping(socket.localAddress)));
      // A target that is not up is normal here: others are still being tried.
      socket.once('error', () => {
        sockets.delete(socket);
        if (sockets.size === 0) finish(undefined);
      });
    }
    if (sockets.size === 0) finish(undefined);
  });
}

/** ::ffff:10.0.0.1 is an IPv4 address on a dual-stack socket. */
function withoutMapping(address: string | undefined): string | undefined {
  return address?.replace(/^::ffff:(?=[0-9.]+$)/i, '');
}
