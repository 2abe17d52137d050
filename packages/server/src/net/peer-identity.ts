/**
 * Who is at the other end of a TLS connection (R40): the one URI in its verified certificate,
 * `spiffe://cashe/<kind>/<name>`. Host names and subjects say nothing about identity.
 */
import { TLSSocket } from 'node:tls';

export interface CertificateIdentity {
  readonly kind: 'node' | 'admin' | 'client';
  readonly name: string;
}

/** `node/<id>`, `admin/<name>` or `client/<name>`. */
export function principalName({ kind, name }: CertificateIdentity): string {
  return `${kind}/${name}`;
}

/**
 * The principal of a connection whose client sent a certificate that verified; undefined without
 * TLS, without a certificate, and for one that names nobody. Reading a certificate costs some
 * 50 µs: ask once per connection, not per call.
 */
export function principalOfSocket(socket: unknown): string | undefined {
  const identity = identityOfSocket(socket);
  return identity && principalName(identity);
}

/** The same, taken apart. */
export function identityOfSocket(socket: unknown): CertificateIdentity | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  // Without a certificate the object is empty.
  return identityOfNames(socket.getPeerCertificate()?.subjectaltname);
}

/**
 * The identity among the alternative names of a certificate, as Node writes them. An X.509 SVID
 * has exactly one URI (SPIFFE X509-SVID, section 2): with several nobody knows which one counts.
 */
export function identityOfNames(names: string | undefined): CertificateIdentity | undefined {
  const uris = alternativeNames(names ?? '')?.filter((name) => name.startsWith('URI:'));
  const uri = uris?.length === 1 ? uris[0] : undefined;
  const match = /^URI:spiffe:\/\/cashe\/(node|admin|client)\/([A-Za-z0-9._-]{1,64})$/.exec(
    uri ?? '',
  );
  const [, kind, name] = match ?? [];
  if (name === undefined || name === '.' || name === '..') return undefined;
  if (kind !== 'node' && kind !== 'admin' && kind !== 'client') return undefined;
  return { kind, name };
}

/**
 * `DNS:a, URI:b`. A name that could be mistaken for several is a JSON string there, so commas in
 * quotes separate nothing. undefined when it cannot be read whole.
 */
function alternativeNames(text: string): readonly string[] | undefined {
  const names: string[] = [];
  const pattern = /([^:,"]+:(?:"(?:[^"\\]|\\.)*"|[^,"]*))(?:, |$)/y;
  while (pattern.lastIndex < text.length) {
    const name = pattern.exec(text)?.[1];
    if (name === undefined) return undefined;
    names.push(name);
  }
  return names;
}
