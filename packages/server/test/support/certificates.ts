/**
 * Certificates for tests, made without openssl: a CA and whatever it signs, and what goes wrong
 * with certificates (expired, of another CA, with the key of another one). The libraries that write
 * certificates do not load under Jest.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import type { ClientAuth, TlsOptions } from '../../src/config/options.js';
import * as der from './der.js';

/** PEM. */
export interface TestPair {
  readonly cert: string;
  readonly key: string;
}

/** What else a certificate is to say; the defaults are those of `gen.sh certs`. */
export interface IssueOptions {
  readonly dns?: readonly string[];
  /** `127.0.0.1` and the like, or `::1`. */
  readonly ips?: readonly string[];
  /** From now; negative: expired. */
  readonly validMs?: number;
  readonly usages?: readonly ('serverAuth' | 'clientAuth')[];
}

const dayMs = 86_400_000;
const usageIds = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' };
const ecdsaWithSha256 = der.sequence(der.objectId('1.2.840.10045.4.3.2'));

/** One CA with a P-256 key. Identities are URIs: `spiffe://cashe/<kind>/<name>`. */
export class TestCa {
  /** PEM of the CA's certificate. */
  readonly cert: string;
  readonly #name: Buffer;
  readonly #key: KeyObject;
  /** What stands behind a certificate in its file: the CAs between it and the root. */
  readonly #chain: string;

  /** `parent`: who signs it; by default it is a root. */
  constructor(name = 'Cashe test CA', parent?: TestCa) {
    const { publicKey, privateKey } = newKeys();
    this.#name = commonName(name);
    this.#key = privateKey;
    const signer = parent ?? this;
    this.cert = signer.#signed(this.#name, publicKey, 3650 * dayMs, [
      extension('2.5.29.19', true, der.sequence(der.boolean(true))),
      // keyCertSign and cRLSign.
      extension('2.5.29.15', true, der.bitString(Buffer.of(0x06), 1)),
    ]);
    this.#chain = parent === undefined ? '' : this.cert + parent.#chain;
  }

  /** A node: both ends of a peer connection, on this machine. */
  node(id: string, options: IssueOptions = {}): TestPair {
    return this.issue([`spiffe://cashe/node/${id}`], {
      dns: ['localhost'],
      ips: ['127.0.0.1', '::1'],
      usages: ['serverAuth', 'clientAuth'],
      ...options,
    });
  }

  client(name: string, options: IssueOptions = {}): TestPair {
    return this.issue([`spiffe://cashe/client/${name}`], options);
  }

  admin(name: string, options: IssueOptions = {}): TestPair {
    return this.issue([`spiffe://cashe/admin/${name}`], options);
  }

  /** A node's certificate that ended a minute ago. */
  expired(id: string): TestPair {
    return this.node(id, { validMs: -60_000 });
  }

  /** A node's certificate beside the key of another one. */
  wrongKey(id: string): TestPair {
    return { cert: this.node(id).cert, key: this.node(id).key };
  }

  /** `uris` may be none, several, or foreign. */
  issue(uris: readonly string[], options: IssueOptions = {}): TestPair {
    const { dns = [], ips = [], validMs = 365 * dayMs, usages = ['clientAuth'] } = options;
    const { publicKey, privateKey } = newKeys();
    const names = [
      ...dns.map((name) => der.context(2, Buffer.from(name), false)),
      ...uris.map((uri) => der.context(6, Buffer.from(uri), false)),
      ...ips.map((ip) => der.context(7, ipBytes(ip), false)),
    ];
    const extensions = [
      extension('2.5.29.19', true, der.sequence()),
      // digitalSignature.
      extension('2.5.29.15', true, der.bitString(Buffer.of(0x80), 7)),
      extension('2.5.29.37', false, der.sequence(...usages.map((u) => der.objectId(usageIds[u])))),
    ];
    if (names.length > 0) extensions.push(extension('2.5.29.17', false, der.sequence(...names)));
    return {
      cert: this.#signed(commonName('test'), publicKey, validMs, extensions) + this.#chain,
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  }

  /** RFC 5280, 4.1. */
  #signed(
    subject: Buffer,
    publicKey: KeyObject,
    validMs: number,
    extensions: readonly Buffer[],
  ): string {
    const notAfter = Date.now() + validMs;
    const notBefore = Math.min(Date.now(), notAfter) - dayMs;
    const body = der.sequence(
      der.context(0, der.integer(Buffer.of(2)), true),
      der.integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
      ecdsaWithSha256,
      this.#name,
      der.sequence(der.time(new Date(notBefore)), der.time(new Date(notAfter))),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      der.context(3, der.sequence(...extensions), true),
    );
    const signature = der.bitString(sign('sha256', body, this.#key));
    return pem(der.sequence(body, ecdsaWithSha256, signature));
  }
}

/** Files of a node or client, replaced as a renewal does it: by rename, key and cert together. */
export class TestPairFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;

  constructor(directory: string, name: string, caPem: string, pair: TestPair) {
    mkdirSync(directory, { recursive: true });
    this.certFile = join(directory, `${name}.crt`);
    this.keyFile = join(directory, `${name}.key`);
    this.caFile = join(directory, `${name}-ca.crt`);
    replaceFile(this.caFile, caPem);
    this.replace(pair);
  }

  replace({ cert, key }: TestPair): void {
    replaceFile(this.keyFile, key);
    replaceFile(this.certFile, cert);
  }

  replaceCa(caPem: string): void {
    replaceFile(this.caFile, caPem);
  }

  /** As a node is configured. */
  tls(clientAuth: ClientAuth): TlsOptions {
    const { certFile, keyFile, caFile } = this;
    return { certFile, keyFile, caFile, clientAuth };
  }
}

export function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function newKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function commonName(name: string): Buffer {
  const attribute = der.sequence(der.objectId('2.5.4.3'), der.utf8String(name));
  return der.sequence(der.set(attribute));
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  const critical = isCritical ? [der.boolean(true)] : [];
  return der.sequence(der.objectId(id), ...critical, der.octetString(value));
}

function ipBytes(ip: string): Buffer {
  if (isIPv4(ip)) return Buffer.from(ip.split('.').map(Number));
  if (ip === '::1') return Buffer.concat([Buffer.alloc(15), Buffer.of(1)]);
  throw new Error(`${ip}: only IPv4 and ::1 are known here`);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
