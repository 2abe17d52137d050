/** A node's certificate: loaded before anything else of the node, for all of its ports. */
import type { NodeOptions, TlsOptions } from '../config/options.js';
import type { Logger } from '../host/index.js';
import type { PortTls } from '../net/tls-acceptor.js';
import { TlsMaterial } from '../net/tls-material.js';
import { defaultTransportLimits, type TransportLimits } from '../rpc/index.js';
import { realScheduler } from './real-ports.js';
import { Storage, type StorageSizes } from './storage.js';

/** Rejects with a TlsMaterialError; undefined without TLS. */
export async function loadMaterial(
  { id, tls }: Pick<NodeOptions, 'id' | 'tls'>,
  log: Logger,
  pollMs: number | undefined,
): Promise<TlsMaterial | undefined> {
  if (tls === undefined) return undefined;
  const options = { files: tls, nodeId: id, log, scheduler: realScheduler };
  return TlsMaterial.load(pollMs === undefined ? options : { ...options, pollMs });
}

export async function openStorage(
  dataDir: string,
  sizes: StorageSizes,
  material: TlsMaterial | undefined,
): Promise<Storage> {
  try {
    return await Storage.open(dataDir, sizes);
  } catch (error) {
    material?.close();
    throw error;
  }
}

/** One certificate is behind all connections of a node: those of peers live no longer either. */
export function peerLimits({
  connectionAgeMs,
}: Pick<NodeOptions['limits'], 'connectionAgeMs'>): TransportLimits {
  return { ...defaultTransportLimits, connectionAgeMs };
}

/** How the client port takes connections. */
export function portTls(
  tls: TlsOptions | undefined,
  material: TlsMaterial | undefined,
): PortTls | undefined {
  if (tls === undefined || material === undefined) return undefined;
  return { material, clientAuth: tls.clientAuth };
}
