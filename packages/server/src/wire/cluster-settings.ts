/** Replicated settings between the host's types and the messages that carry them. */
import { CodecError, type SettingsChanges } from '@cashe/codec';
import {
  type CacheSettings,
  type SettingsChanges as ChangesMessage,
  type ClusterSettings,
  Eviction,
} from '@cashe/proto';
import type { Settings } from '@cashe/store';
import type { GivenSettings } from '../config/options.js';

const evictionNumbers = {
  lru: Eviction.LRU,
  noeviction: Eviction.NOEVICTION,
} as const satisfies Record<Settings['eviction'], Eviction>;

export function cacheSettings(settings: Settings): CacheSettings {
  const { entriesMax, bytesMax, eviction, replicationFactor } = settings;
  return { entriesMax, bytesMax, eviction: evictionNumbers[eviction], replicationFactor };
}

/** The part of them that a node may be started with. */
export function givenSettings(cache: CacheSettings): Required<GivenSettings> {
  const { entriesMax, bytesMax, replicationFactor } = cache;
  const eviction = cache.eviction === Eviction.NOEVICTION ? 'noeviction' : 'lru';
  return { entriesMax, bytesMax, eviction, replicationFactor };
}

/** The same shape as `cashe.raft.v1.ReplicatedSettings`. */
export function settingsMessage(settings: Settings): ClusterSettings {
  const { valueBytesMax, sessionsMax, sessionWindow, sessionBytesMax, sessionIdleMs } = settings;
  const sessions = { sessionsMax, sessionWindow, sessionBytesMax, sessionIdleMs };
  return { cache: cacheSettings(settings), valueBytesMax, ...sessions };
}

/** Throws a CodecError when a part is missing. */
export function settingsOf(message: ClusterSettings | undefined): Settings {
  const { cache } = message ?? {};
  if (message === undefined || cache === undefined) throw new CodecError('settings are missing');
  const { valueBytesMax, sessionsMax, sessionWindow, sessionBytesMax, sessionIdleMs } = message;
  return {
    entriesMax: cache.entriesMax,
    bytesMax: cache.bytesMax,
    eviction: cache.eviction === Eviction.NOEVICTION ? 'noeviction' : 'lru',
    replicationFactor: cache.replicationFactor,
    ...{ valueBytesMax, sessionsMax, sessionWindow, sessionBytesMax, sessionIdleMs },
  };
}

export function changesMessage({ eviction, ...changes }: SettingsChanges): ChangesMessage {
  const number = eviction === undefined ? Eviction.UNSPECIFIED : evictionNumbers[eviction];
  return { ...changes, eviction: number };
}

/** Throws a CodecError for an eviction this release does not know. */
export function changesOf({ eviction, ...changes }: ChangesMessage): SettingsChanges {
  switch (eviction) {
    case Eviction.UNSPECIFIED:
      return changes;
    case Eviction.LRU:
      return { ...changes, eviction: 'lru' };
    case Eviction.NOEVICTION:
      return { ...changes, eviction: 'noeviction' };
    default:
      throw new CodecError(
        `eviction is ${String(eviction)}; EVICTION_LRU and EVICTION_NOEVICTION are allowed`,
      );
  }
}
