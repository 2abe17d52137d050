import { sessionOf, socketOf } from '../net/http2-session.js';
import { principalOfSocket } from '../net/peer-identity.js';
import type { Authentication, Authenticator } from './authenticate.js';
import type { ServerSurfaceCall } from './grpc-types.js';

/** Who calls (R14, R40), or why that cannot be told: asked once per call or stream. */
export type PrincipalOf = (call: ServerSurfaceCall) => Authentication;

/** Reading a certificate is slow and a connection has one for life: it is looked at once. */
interface Certificate {
  readonly principal: string | undefined;
}

/** Takes the token from the call's metadata and the certificate from its connection. */
export function callPrincipals(authenticator: Authenticator): PrincipalOf {
  const certificates = new WeakMap<object, Certificate>();
  const certificateOf = (call: ServerSurfaceCall): string | undefined => {
    const session = sessionOf(call);
    if (session === undefined) return undefined;
    const known = certificates.get(session);
    if (known !== undefined) return known.principal;
    const principal = principalOfSocket(socketOf(session));
    certificates.set(session, { principal });
    return principal;
  };
  return (call) => {
    const values = call.metadata.get('authorization');
    return authenticator.authenticate({
      certificate: certificateOf(call),
      // More than one is no valid header, and as a list does not pass for one.
      authorization: values.length === 0 ? undefined : values.join(', '),
      from: call.getPeer(),
    });
  };
}
