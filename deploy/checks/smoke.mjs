// The smoke test of a cluster: sets, reads, expires and deletes keys through every node, and reads
// through every other one what was written. Prints a line per check; exits 0 when all hold.
//   node smoke.mjs [--tls DIRECTORY] HOST:PORT...
import { readArguments, run } from './connect.mjs';

const ttlMs = 500;
const waitMs = 10_000;
const pollMs = 20;

function expectEqual(what, actual, expected) {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (got !== wanted) throw new Error(`${what}: got ${got}, expected ${wanted}`);
}

async function until(what, holds) {
  const deadline = performance.now() + waitMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${waitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function check(what, runCheck) {
  const start = performance.now();
  await runCheck();
  process.stdout.write(`ok ${what} (${Math.round(performance.now() - start)} ms)\n`);
}

async function writesAndReads(cashe, key) {
  await cashe.set(key, 'first');
  const { revision } = await cashe.set(key, 'second');
  const entry = await cashe.getEntry(key);
  expectEqual('an entry', entry, { value: 'second', revision, version: 2 });
  const bytes = Uint8Array.from([0, 255, 10]);
  await cashe.setMany({ [`${key}:a`]: 'a', [`${key}:b`]: bytes });
  const many = await cashe.getMany([`${key}:a`, `${key}:b`, `${key}:c`], { as: 'bytes' });
  const lists = many.map((value) => (value === undefined ? 'none' : [...value]));
  expectEqual('many values', lists, [[97], [...bytes], 'none']);
  expectEqual('deleteMany', await cashe.deleteMany([`${key}:a`, `${key}:b`]), [true, true]);
}

async function expires(cashe, key) {
  const start = performance.now();
  await cashe.set(key, 'soon gone', { ttlMs });
  const entry = await cashe.getEntry(key);
  // A machine that took longer than the time to live for these two calls shows nothing.
  const inTime = performance.now() - start < ttlMs;
  if (inTime && (entry?.ttlMs === undefined || entry.ttlMs > ttlMs)) {
    throw new Error(`time to live of ${ttlMs} ms: the entry is ${JSON.stringify(entry)}`);
  }
  await until('expiry', async () => (await cashe.get(key)) === undefined);
  const lived = performance.now() - start;
  if (lived < ttlMs) throw new Error(`a key that lives ${ttlMs} ms was gone after ${lived} ms`);
}

/** Every node is connected under the address that it tells, and somebody leads. */
async function knowsTopology(cashe, endpoints) {
  await until('the topology', () => {
    const { nodes, leaders } = cashe.status();
    const ready = nodes.filter(({ state }) => state === 'ready').map(({ address }) => address);
    const led = leaders.length > 0 && leaders.every(({ nodeId }) => nodeId !== undefined);
    return led && endpoints.every((endpoint) => ready.includes(endpoint));
  });
}

await run(async () => {
  const { endpoints, open } = readArguments();
  const prefix = `smoke:${Date.now()}:${process.pid}`;
  const clients = [];
  try {
    for (const endpoint of endpoints) {
      await check(`${endpoint} connects`, async () =>
        clients.push(await open([endpoint], 'smoke')),
      );
    }
    for (const [index, cashe] of clients.entries()) {
      const name = endpoints[index];
      const key = `${prefix}:${index}`;
      await check(`${name} knows all nodes`, () => knowsTopology(cashe, endpoints));
      await check(`${name} writes and reads`, () => writesAndReads(cashe, key));
      await check(`${name} expires`, () => expires(cashe, `${key}:ttl`));
      await check(`every node reads what ${name} wrote`, async () => {
        for (const other of clients) expectEqual('a read', await other.get(key), 'second');
      });
      await check(`${name} deletes`, async () => {
        expectEqual('a delete', await cashe.delete(key), true);
        expectEqual('a read of what is gone', await cashe.get(key), undefined);
      });
    }
  } finally {
    await Promise.all(clients.map((cashe) => cashe.close()));
  }
});
