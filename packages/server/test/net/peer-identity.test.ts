// Goal: one URI in a certificate is an identity, and nothing that looks like one is.
import { describe, expect, it } from '@jest/globals';
import { identityOfNames, principalName } from '../../src/net/peer-identity.js';

describe('the identity in a certificate', () => {
  it.each([
    ['URI:spiffe://cashe/node/n1, DNS:localhost, IP Address:0:0:0:0:0:0:0:1', 'node/n1'],
    ['DNS:a, URI:spiffe://cashe/admin/ops.team-1', 'admin/ops.team-1'],
    ['URI:spiffe://cashe/client/app_2', 'client/app_2'],
  ])('%s', (names, principal) => {
    const identity = identityOfNames(names);
    expect(identity && principalName(identity)).toBe(principal);
  });

  it.each([
    ['nothing', undefined],
    ['no URI', 'DNS:spiffe://cashe/node/n1'],
    ['two URIs', 'URI:spiffe://cashe/node/n1, URI:spiffe://cashe/client/a'],
    ['another trust domain', 'URI:spiffe://other/node/n1'],
    ['another kind', 'URI:spiffe://cashe/root/n1'],
    ['a path below', 'URI:spiffe://cashe/node/n1/x'],
    ['a name that is a path', 'URI:spiffe://cashe/node/..'],
    ['no name', 'URI:spiffe://cashe/node/'],
    ['a long name', `URI:spiffe://cashe/node/${'n'.repeat(65)}`],
    ['a name inside another one', 'DNS:"a, URI:spiffe://cashe/admin/root, b"'],
    ['a quote that does not end', 'DNS:"a, URI:spiffe://cashe/admin/root'],
  ])('is not in %s', (_what, names) => {
    expect(identityOfNames(names)).toBeUndefined();
  });
});
