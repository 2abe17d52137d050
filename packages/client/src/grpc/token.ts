/** Bearer tokens (RFC 6750) as call metadata. */
import { readFile } from 'node:fs/promises';
import { Metadata } from '@grpc/grpc-js';
import { CasheError } from '../core/error.js';

/**
 * The token itself, what returns it, or the file it stands in. A function or a file is asked anew
 * for every connection, so that a token can be replaced while the client runs.
 */
export type TokenSource = string | (() => string | Promise<string>) | { readonly file: string };

/** Metadata for a new connection: at once where the token is known, else when it was read. */
export type CallMetadata = Metadata | (() => Promise<Metadata>);

/** Throws CasheError for a text that is no token. */
export function callMetadata(source: TokenSource | undefined): CallMetadata {
  if (source === undefined) return new Metadata();
  if (typeof source === 'string') return metadataOf(source);
  if (typeof source === 'function') return async () => metadataOf(await source());
  return async () => metadataOf(await readFile(source.file, 'utf8'));
}

function metadataOf(text: string): Metadata {
  const token = text.trim();
  // The message must not show what may be a secret with a typing error.
  if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
    const message = 'the token is empty or has characters that no bearer token has';
    throw new CasheError('INVALID_ARGUMENT', message, { outcome: 'notCommitted' });
  }
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}
