/** Ports for nodes that other processes bind later. */
import { createServer, type Server } from 'node:net';

// Below what systems give outgoing connections (Linux from 32768, others from 49152): a port of
// that range may be taken by a connection while the node that owns it is down.
const portMin = 10_000;

// A port is bound some time after it was found, and is free again while its node is down. Nobody
// beside may find it meanwhile: a worker of Jest, with what it starts, has a share of the ports to
// itself. Between shares there is room for the launcher of the local cluster, whose peers listen
// 1000 higher.
const shares = 4;
const shareStep = 5_500;
const shareSize = 4_400;
const worker = Number(process.env['JEST_WORKER_ID'] ?? 0);
const shareMin = portMin + (worker % shares) * shareStep;

/** Distinct ports of the loopback interface that nothing listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const held: { readonly port: number; readonly server: Server }[] = [];
  // One after the other: so two calls meet less often than with ports from all over.
  const start = Math.floor(Math.random() * shareSize);
  try {
    // All are held until the last is found: calls under way at once find different ones.
    for (let step = 0; held.length < count; step += 1) {
      if (step === shareSize) throw new Error(`found no ${count} free ports`);
      const port = shareMin + ((start + step) % shareSize);
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
