// Goal: of a host with several addresses, only the one a peer was reached at tells that it is dead.
import dns from 'node:dns';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { TestNodes, until } from './support/nodes.js';

const nodes = new TestNodes();
/** Nobody listens at the first one. */
const addresses = ['127.0.0.2', '127.0.0.1'].map((address) => ({ address, family: 4 }));

function resolveTwo(): void {
  const lookup = (_host: string, _options: unknown, done: (...found: unknown[]) => void): void =>
    done(null, addresses);
  jest.spyOn(dns, 'lookup').mockImplementation(lookup as typeof dns.lookup);
}

afterEach(async () => {
  jest.restoreAllMocks();
  await nodes.stopAll();
});

describe('a peer whose host has several addresses (R7)', () => {
  it('is dead only when the address refuses where it was reached', async () => {
    const [one, twin, peer] = [await nodes.start(1), await nodes.start(1), await nodes.start(2)];
    resolveTwo();
    const lost = (): number =>
      one.logger.lines.filter((line) => line.startsWith('warn peer lost')).length;
    one.transport.setPeers([{ ...peer.identity, raftAddress: `two.test:${peer.port}` }]);
    await until(() => one.handler.connected.length === 1, 'the connection');
    // It takes the place of the first connection; the process goes on.
    twin.transport.setPeers([peer.identity]);
    await until(() => lost() > 0, 'the lost connection');
    await twin.transport.stop(0);
    await until(() => one.handler.connected.length > lost(), 'the next connection');
    expect(one.handler.refused).toEqual([]);
    await peer.transport.stop(0);
    await until(() => one.handler.refused.length > 0, 'the refused connect');
    expect(one.handler.refused).toEqual([2]);
  });
});
