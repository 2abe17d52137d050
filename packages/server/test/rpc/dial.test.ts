import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { type DialTarget, parseAddress, probe, resolveAddress } from '../../src/rpc/dial.js';

describe('addresses', () => {
  it.each([
    ['a.b:80', { host: 'a.b', port: 80 }],
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['[::1]:9', { host: '::1', port: 9 }],
    ['::1:9', undefined],
    ['host', undefined],
    ['host:', undefined],
    ['host:70000', undefined],
    [':1', undefined],
  ])('%s is read as host and port, or not at all', (address, expected) => {
    expect(parseAddress(address)).toEqual(expected);
  });

  it('are resolved to an IP, and why it cannot be is said in plain words', async () => {
    const resolve = (address: string): Promise<DialTarget | string | undefined> =>
      new Promise((done) => resolveAddress(address, 0, (error, target) => done(error ?? target)));
    expect(await resolve('[::1]:9')).toEqual({ ip: '::1', port: 9, host: '::1' });
    expect(await resolve('localhost:9')).toMatchObject({ port: 9, host: 'localhost' });
    expect(await resolve('nonsense')).toBe('the address is not host:port');
    expect(await resolve('no.such.host.invalid:9')).toMatch(/host name/);
  });
});

describe('a probe', () => {
  it('tells whether anybody listens', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const target = { ip: '127.0.0.1', port: address.port, host: 'x' };
    const ask = (): Promise<string> => new Promise((done) => probe(target, 1000, done));
    expect(await ask()).toBe('accepted');
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect(await ask()).toBe('refused');
  });
});
