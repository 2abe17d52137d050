// Goal: what grpc-js says of a failed call reads as words, and what a server says stays.
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { plainReason } from '../../src/net/plain-reason.js';

const refused = 'connect ECONNREFUSED 127.0.0.1:5201';

describe('a reason', () => {
  it.each([
    [
      `No connection established. Last error: Error: ${refused}. Resolution note: `,
      /^connection refu/,
    ],
    [`No connection established. Last error: ${refused} (2026-01-01T10:00:00.000Z)`, /refused$/],
    ['No connection established. Last error: null. Resolution note: ', /^no connection$/],
    ['No connection established', /^no connection$/],
    ['No connection established. Last error: self-signed certificate', /^self-signed certificate$/],
    ['Deadline exceeded after 1.001s,LB pick: 0.002s,remote_addr=127.0.0.1:1', /^timed out$/],
    ['Received RST_STREAM with code 2 triggered by ... read ECONNRESET', /^connection reset$/],
    ['Name resolution failed for target dns:nowhere.invalid:1', /^unknown host name$/],
    ['getaddrinfo ENOTFOUND nowhere.invalid', /^unknown host name$/],
    ['Connection dropped', /^connection lost$/],
    ['node n2 belongs to no cluster yet', /^node n2 belongs to no cluster yet$/],
    ['', /^$/],
  ])('%s', (details, plain) => {
    expect(plainReason(details)).toMatch(plain);
  });

  it('of this grpc-js is known', async () => {
    const client = new Client('127.0.0.1:1', credentials.createInsecure());
    const same = (bytes: Buffer): Buffer => bytes;
    const error = await new Promise<ServiceError | null>((resolve) => {
      client.makeUnaryRequest('/x/Y', same, same, Buffer.of(), new Metadata(), resolve);
    });
    client.close();
    expect(plainReason(error?.details ?? '')).toBe('connection refused');
  });
});
