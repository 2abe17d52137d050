// Goal: what grpc-js says when TLS meets plain text or a certificate does not verify reads as such.
import { describe, expect, it } from '@jest/globals';
import { explained } from '../src/grpc/explain.js';

const last = (error: string): string =>
  `No connection established. Last error: Error: ${error}. Resolution note: `;

describe('a failed connection', () => {
  it.each([
    [
      last('80:error:0A00010B:SSL routines:x:wrong version number:../y.c:350'),
      /does not speak TLS/,
    ],
    [last('unable to verify the first certificate'), /^the certificate of the server at h:1 does/],
    [last('certificate has expired'), /does not verify: certificate has expired$/],
    [
      'No connection established. Last error: Error [ERR_TLS_CERT]: Hostname/IP does not match. Re',
      /does not verify: Hostname/,
    ],
    [last('80:error:0A00042E:SSL routines::tlsv1 alert protocol version'), /refused the TLS hand/],
    [last('read ECONNRESET'), /broke the TLS handshake off/],
    [last('connect ECONNREFUSED 1.2.3.4:5'), /^No connection established/],
    ['the certificate of the client does not verify: x', /^the certificate of the client/],
  ])('with TLS: %s', (details, text) => {
    expect(explained(details, 'h:1', true)).toMatch(text);
  });

  it.each([
    ['this port speaks TLS: connect with TLS', /^the server at h:1 speaks TLS: connect with tls$/],
    [
      'No connection established. Last error: Failed to connect (2026-01-01T00:00:00.000Z)',
      /if it/,
    ],
    [last('connect ECONNREFUSED 1.2.3.4:5'), /^No connection established/],
    ['any other thing', /^any other thing$/],
  ])('without TLS: %s', (details, text) => {
    expect(explained(details, 'h:1', false)).toMatch(text);
  });
});
