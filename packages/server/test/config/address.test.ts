import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatAddress, isLoopback, parseAddress } from '../../src/config/address.js';

const read = (text: string, use: 'listen' | 'dial' | 'advertise'): string => {
  const parsed = parseAddress(text, use);
  return parsed.ok ? JSON.stringify(parsed.address) : parsed.problem;
};

describe('an address', () => {
  it.each([
    [':3000', '', 3000],
    [':0', '', 0],
    ['localhost:65535', 'localhost', 65535],
    ['127.0.0.1:3000', '127.0.0.1', 3000],
    ['[::1]:3000', '::1', 3000],
    ['cache_1.internal:80', 'cache_1.internal', 80],
    ['a.b.:1', 'a.b.', 1],
  ])('%s is read', (text, host, port) => {
    expect(parseAddress(text, 'listen')).toEqual({ ok: true, address: { host, port } });
  });

  it.each([
    ['', /"" is not an address/],
    ['3000', /"3000" is not an address/],
    ['localhost', /not an address/],
    ['localhost:', /not an address/],
    ['localhost:http', /not an address/],
    [':-1', /not an address/],
    [':65536', /port 65536 is out of range/],
    ['::1:3000', /needs brackets/],
    ['[::1]', /not an address/],
    ['[1.2.3.4]:1', /"1.2.3.4" is not an IPv6 address/],
    ['10.0.0.256:1', /"10.0.0.256" is not a host name or IP address/],
    ['a b:1', /"a b" is not a host name/],
    ['-a:1', /not a host name/],
    ['http://x:1', /not an address/],
  ])('%j is refused and told what is allowed', (text, problem) => {
    expect(read(text, 'listen')).toMatch(problem);
    expect(read(text, 'listen')).toContain('allowed: HOST:PORT or :PORT, port 0 to 65535');
  });

  it('to dial has a port and may mean this machine', () => {
    expect(read(':3000', 'dial')).toBe('{"host":"","port":3000}');
    expect(read(':0', 'dial')).toContain('port 0 is out of range');
  });

  it.each([':3000', '0.0.0.0:3000', '[::]:3000', '[0:0::0]:3000'])(
    'for others cannot be %s: they could not dial it',
    (text) => {
      expect(read(text, 'advertise')).toContain('has no host that others could dial');
    },
  );

  it('is the same after formatting and reading', () => {
    const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(host, fc.integer({ min: 0, max: 65535 }), (name, port) => {
        const parsed = parseAddress(formatAddress(name, port), 'listen');
        expect(parsed).toEqual({ ok: true, address: { host: name, port } });
      }),
    );
  });
});

describe('loopback', () => {
  it.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '::1'])('is %s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['', '0.0.0.0', '::', '10.0.0.1', '127.example.com', 'myhost'])('is not %j', (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});
