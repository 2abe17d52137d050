// The certificates of the tests themselves: what they are to say is what Node reads.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { TestCa } from '../support/certificates.js';

describe('the certificates of the tests', () => {
  it('carry the identity, are signed by their CA and match their key', () => {
    const ca = new TestCa();
    const authority = new X509Certificate(ca.cert);
    expect(authority.ca).toBe(true);
    expect(authority.verify(authority.publicKey)).toBe(true);
    const pair = ca.node('n1');
    const certificate = new X509Certificate(pair.cert);
    expect(certificate.subjectAltName).toContain('URI:spiffe://cashe/node/n1');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkHost('localhost')).toBe('localhost');
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.checkIssued(authority)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(pair.key))).toBe(true);
  });

  it('can be wrong in the ways that matter', () => {
    const ca = new TestCa();
    const expired = new X509Certificate(ca.expired('n1').cert);
    expect(Date.parse(expired.validTo)).toBeLessThan(Date.now());
    const wrong = ca.wrongKey('n1');
    const key = createPrivateKey(wrong.key);
    expect(new X509Certificate(wrong.cert).checkPrivateKey(key)).toBe(false);
    const foreign = new X509Certificate(new TestCa('another CA').node('n1').cert);
    expect(foreign.verify(new X509Certificate(ca.cert).publicKey)).toBe(false);
  });
});
