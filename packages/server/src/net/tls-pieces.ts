/** What a node needs for TLS, read from PEM and held against what others will check. */
import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { errorText } from './errors.js';
import { identityOfNames } from './peer-identity.js';

export interface TlsFiles {
  /** The node's certificate, followed by those between it and the CA, if there are any. */
  readonly certFile: string;
  readonly keyFile: string;
  /** One certificate, or several while one CA takes over from another. */
  readonly caFile: string;
}

interface TlsTexts {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

/** A certificate, its key and the CA: they belong together, and the certificate names this node. */
export interface TlsPieces extends TlsTexts {
  /** For `tls.createServer`, `https.createServer` and `setSecureContext`. */
  readonly options: SecureContextOptions;
  /** For connections that this node opens. */
  readonly context: SecureContext;
  /** End of the certificate's validity, ms since 1970. */
  readonly notAfterMs: number;
  /** The same of the CA that signed it. */
  readonly caNotAfterMs: number;
  readonly serialNumber: string;
}

/** Files that cannot be used; the message names the file and says why. */
export class TlsMaterialError extends Error {
  override readonly name = 'TlsMaterialError';
}

/** Certificates in one file; more are a mistake. */
const CERTIFICATES_MAX = 64;
/** OpenSSL's names of what a node is: both ends of a peer connection. */
const usages = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' };

/** Throws a TlsMaterialError for whatever another node would refuse at the handshake. */
export function checkedPieces(
  texts: TlsTexts,
  files: TlsFiles,
  nodeId: string,
  nowMs: number,
): TlsPieces {
  const chain = certificatesOf(texts.cert, files.certFile);
  const authorities = certificatesOf(texts.ca, files.caFile);
  const leaf = chain[0]!; // certificatesOf returns at least one.
  const key = keyOf(texts.key, files.keyFile);
  if (!leaf.checkPrivateKey(key)) {
    throw new TlsMaterialError(`${files.keyFile} is not the key of ${files.certFile}`);
  }
  const authority = issuerOf(chain, authorities);
  if (authority === undefined) {
    throw new TlsMaterialError(`${files.certFile} was not signed by a CA in ${files.caFile}`);
  }
  checkValidity(leaf, files.certFile, nowMs);
  checkUsage(leaf, files.certFile, nodeId);
  const options = contextOptions(texts);
  return {
    ...texts,
    options,
    context: contextOf(options, files),
    notAfterMs: Date.parse(leaf.validTo),
    caNotAfterMs: Date.parse(authority.validTo),
    serialNumber: leaf.serialNumber,
  };
}

/** Without tickets no session is resumed: a resumed one would not verify certificates anew. */
function contextOptions({ cert, key, ca }: TlsTexts): SecureContextOptions {
  return { cert, key, ca, minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET };
}

function contextOf(options: SecureContextOptions, files: TlsFiles): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    throw new TlsMaterialError(`${files.certFile} is of no use for TLS: ${errorText(error)}`);
  }
}

function certificatesOf(pem: Buffer, file: string): readonly X509Certificate[] {
  const pattern = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
  const blocks = pem.toString('latin1').match(pattern) ?? [];
  if (blocks.length === 0) throw new TlsMaterialError(`${file} holds no certificate in PEM form`);
  if (blocks.length > CERTIFICATES_MAX) {
    throw new TlsMaterialError(`${file} holds more than ${CERTIFICATES_MAX} certificates`);
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw new TlsMaterialError(`${file} cannot be read: ${errorText(error)}`);
  }
}

function keyOf(pem: Buffer, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const reason = `no private key in PEM form without a passphrase (${errorText(error)})`;
    throw new TlsMaterialError(`${file} holds ${reason}`);
  }
}

/** The CA at the end of the chain that begins with the first certificate. */
function issuerOf(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): X509Certificate | undefined {
  let rest = chain.slice(1);
  for (let current = chain[0]; current !== undefined; ) {
    const subject = current;
    const isIssuer = (other: X509Certificate): boolean =>
      subject.checkIssued(other) && subject.verify(other.publicKey);
    const authority = authorities.find(isIssuer);
    if (authority !== undefined) return authority;
    current = rest.find(isIssuer);
    rest = rest.filter((other) => other !== current);
  }
  return undefined;
}

function checkValidity(leaf: X509Certificate, file: string, nowMs: number): void {
  if (nowMs > Date.parse(leaf.validTo)) {
    throw new TlsMaterialError(`${file} has expired: it was valid until ${leaf.validTo}`);
  }
  if (nowMs < Date.parse(leaf.validFrom)) {
    throw new TlsMaterialError(`${file} is not valid before ${leaf.validFrom}`);
  }
}

function checkUsage(leaf: X509Certificate, file: string, nodeId: string): void {
  for (const [name, id] of Object.entries(usages)) {
    // A certificate that lists no usage is for everything (RFC 5280, 4.2.1.12).
    if (leaf.keyUsage?.includes(id) === false) {
      throw new TlsMaterialError(`${file} is not for ${name}, which a node needs`);
    }
  }
  const identity = identityOfNames(leaf.subjectAltName);
  if (identity?.kind !== 'node' || identity.name !== nodeId) {
    const found = leaf.subjectAltName ?? 'none';
    const wanted = `URI:spiffe://cashe/node/${nodeId}`;
    throw new TlsMaterialError(`${file} must have the name ${wanted}, its names are: ${found}`);
  }
}
