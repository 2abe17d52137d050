import { createServer } from 'node:net';

/** The first of the ports that something on this machine already listens on. */
export async function firstTakenPort(ports: readonly number[]): Promise<number | undefined> {
  for (const port of ports) {
    if (await isTaken(port)) return port;
  }
  return undefined;
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(true);
      else reject(error);
    });
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(false)));
  });
}
