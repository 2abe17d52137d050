/** Ports for nodes that other processes bind later. */
import { createServer, type Server } from 'node:net';

// Below what systems give outgoing connections (Linux from 32768, others from 49152): a port of
// that range may be taken by a connection while the node that owns it is down.
const portMin = 10_000;
const portMax = 31_999;
const attemptsMax = 1_000;

/** Distinct ports of the loopback interface that nothing listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const held: { readonly port: number; readonly server: Server }[] = [];
  try {
    // All are held until the last is found: that keeps them distinct.
    for (let attempt = 0; held.length < count; attempt += 1) {
      if (attempt === attemptsMax) throw new Error(`found no ${count} free ports`);
      const port = portMin + Math.floor(Math.random() * (portMax - portMin + 1));
      const server = await tryListen(port);
      if (server !== undefined) held.push({ port, server });
    }
    return held.map(({ port }) => port);
  } finally {
    await Promise.all(held.map(({ server }) => closed(server)));
  }
}

function tryListen(port: number): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen({ host: '127.0.0.1', port }, () => resolve(server));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
