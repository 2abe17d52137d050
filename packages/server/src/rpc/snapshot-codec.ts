/** Chunks of a snapshot on the wire. */
import { crc32 } from 'node:zlib';
import { CodecError } from '@cashe/codec';
import {
  InstallSnapshotRequest as Chunk,
  type InstallSnapshotHead,
  type PeerHello,
} from '@cashe/proto';
import type { InstallSnapshotRequest } from '@cashe/raft';
import { fromGroupConfiguration, toGroupConfiguration } from './configuration-codec.js';
import { tryDecode } from './errors.js';
import { asBuffer } from './raft-codec.js';

export function snapshotHead(
  hello: PeerHello,
  group: number,
  message: InstallSnapshotRequest,
  sizeBytes: number,
): InstallSnapshotHead {
  const { from, to, term, snapshot, clusterTime } = message;
  return {
    hello,
    group,
    from,
    to,
    term,
    lastIncludedIndex: snapshot.lastIncludedIndex,
    lastIncludedTerm: snapshot.lastIncludedTerm,
    configuration: toGroupConfiguration(snapshot.configuration),
    sizeBytes,
    clusterTimeMs: clusterTime,
  };
}

/** The message the head stands for; a CodecError when it is not whole. */
export function messageOfHead(head: InstallSnapshotHead): InstallSnapshotRequest | CodecError {
  const { from, to, term, lastIncludedIndex, lastIncludedTerm, configuration } = head;
  if (from === 0 || to === 0) return new CodecError('a snapshot without replica ids');
  if (lastIncludedIndex === 0) return new CodecError('a snapshot of nothing');
  if (configuration === undefined) return new CodecError('a snapshot without configuration');
  return tryDecode(() => ({
    kind: 'installSnapshotRequest' as const,
    from,
    to,
    term,
    snapshot: {
      lastIncludedIndex,
      lastIncludedTerm,
      configuration: fromGroupConfiguration(configuration),
    },
    clusterTime: head.clusterTimeMs,
  }));
}

export function encodeChunk(
  head: InstallSnapshotHead | undefined,
  offset: number,
  data: Uint8Array,
  done: boolean,
): Buffer {
  return asBuffer(Chunk.encode({ head, offset, data, crc: crc32(data), done }).finish());
}

/** A chunk that is whole; its data is a view. */
export function decodeChunk(bytes: Buffer, dataBytesMax: number): Chunk | CodecError {
  const chunk = tryDecode(() => Chunk.decode(bytes));
  if (chunk instanceof CodecError) return chunk;
  if (chunk.data.length > dataBytesMax) return new CodecError('a chunk above its limit');
  if (crc32(chunk.data) !== chunk.crc) {
    return new CodecError(`CRC of the chunk at ${chunk.offset} does not match`);
  }
  return chunk;
}
