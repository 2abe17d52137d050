import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { advertisedAddress, bindPlan, insecureWarning } from '../../src/config/listen.js';
import { localAddressTowards } from '../../src/config/local-address.js';

const both = { hostName: 'myhost', ipv6Loopback: true, ipv6: true };
const ipv4Only = { hostName: 'myhost', ipv6Loopback: false, ipv6: false };
const port = 3000;

describe('binding', () => {
  it.each([
    ['', false, both, 'loopback', ['127.0.0.1', '::1']],
    ['', false, ipv4Only, 'loopback', ['127.0.0.1']],
    ['', true, both, 'everyInterface', ['::']],
    ['', true, ipv4Only, 'everyInterface', ['0.0.0.0']],
    ['localhost', true, both, 'loopback', ['127.0.0.1', '::1']],
    ['127.0.0.2', false, both, 'loopback', ['127.0.0.2']],
    ['0.0.0.0', true, both, 'everyInterface', ['0.0.0.0']],
    ['10.0.0.1', true, both, 'host', ['10.0.0.1']],
  ])('host %j with open=%j on %j is %s', (host, open, machine, scope, hosts) => {
    const plan = bindPlan({ host, port }, open, machine);
    expect(plan.scope).toBe(scope);
    expect(plan.addresses).toEqual(hosts.map((one) => ({ host: one, port })));
  });

  it('without a host says why it is loopback only', () => {
    const { reason } = bindPlan({ host: '', port }, false, both);
    expect(reason).toBe('loopback only: neither TLS nor --insecure is on');
  });
});

describe('the advertised address', () => {
  const input = {
    stated: undefined,
    listen: { host: '', port: 0 },
    boundPort: 3456,
    scope: 'everyInterface' as const,
    localAddress: '10.0.0.7',
    hostName: 'myhost',
  };

  it.each([
    ['what was stated', { stated: 'public:1' }, 'public:1'],
    ['the listen host', { listen: { host: '10.0.0.1', port: 0 } }, '10.0.0.1:3456'],
    ['127.0.0.1 on loopback', { scope: 'loopback' as const }, '127.0.0.1:3456'],
    ['the local address towards a member', {}, '10.0.0.7:3456'],
    [
      'that address also for the wildcard',
      { listen: { host: '0.0.0.0', port: 0 } },
      '10.0.0.7:3456',
    ],
    ['in brackets for IPv6', { localAddress: 'fd00::1' }, '[fd00::1]:3456'],
    ['else the host name', { localAddress: undefined }, 'myhost:3456'],
  ])('is %s', (_, change, expected) => {
    expect(advertisedAddress({ ...input, ...change })).toBe(expected);
  });
});

describe('the local address towards a member', () => {
  it('is that of the first connection that is accepted', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const address = server.address();
    const live = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await localAddressTowards(['127.0.0.1:1', `127.0.0.1:${live}`], 5_000)).toBe(
      '127.0.0.1',
    );
    await new Promise((resolve) => server.close(resolve));
  });

  it('is unknown when none accepts', async () => {
    expect(await localAddressTowards(['127.0.0.1:1', 'not an address'], 5_000)).toBeUndefined();
    expect(await localAddressTowards([], 5_000)).toBeUndefined();
  });
});

describe('the warning of --insecure', () => {
  it('is due exactly when it is given', () => {
    expect(insecureWarning(true)).toContain('no TLS');
    expect(insecureWarning(false)).toBeUndefined();
  });
});
