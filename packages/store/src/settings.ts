import {
  SESSION_WINDOW_MAX,
  type SettingsChanges,
  VALUE_BYTES_MAX_LIMIT,
  VALUE_BYTES_MAX_MIN,
} from '@cashe/codec';
import { Hash64 } from './hash.js';
import { REPLICATION_FACTOR_MAX, SESSION_BYTES_MAX_LIMIT, SESSIONS_MAX_LIMIT } from './limits.js';
import type { Settings } from './types.js';

type NumericSetting = Exclude<keyof Settings, 'eviction'>;

const ranges: readonly (readonly [NumericSetting, number, number])[] = [
  ['entriesMax', 0, Number.MAX_SAFE_INTEGER],
  ['bytesMax', 1, Number.MAX_SAFE_INTEGER],
  ['replicationFactor', 1, REPLICATION_FACTOR_MAX],
  ['valueBytesMax', VALUE_BYTES_MAX_MIN, VALUE_BYTES_MAX_LIMIT],
  ['sessionsMax', 1, SESSIONS_MAX_LIMIT],
  ['sessionWindow', 1, SESSION_WINDOW_MAX],
  ['sessionBytesMax', 1, SESSION_BYTES_MAX_LIMIT],
  ['sessionIdleMs', 1, Number.MAX_SAFE_INTEGER],
];

/** The first rule the settings break, as a sentence that names setting, value and range. */
export function validateSettings(settings: Settings): string | undefined {
  for (const [name, min, max] of ranges) {
    const value = settings[name];
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      return `${name} is ${value}; it must be an integer from ${min} to ${max}`;
    }
  }
  const { eviction } = settings;
  if (eviction !== 'lru' && eviction !== 'noeviction') {
    return `eviction is ${String(eviction)}; it must be lru or noeviction`;
  }
  return undefined;
}

/** Not checked; see validateSettings. The value limit stays: sizes everywhere follow from it. */
export function changedSettings(settings: Settings, changes: SettingsChanges): Settings {
  return {
    entriesMax: changes.entriesMax ?? settings.entriesMax,
    bytesMax: changes.bytesMax ?? settings.bytesMax,
    eviction: changes.eviction ?? settings.eviction,
    replicationFactor: changes.replicationFactor ?? settings.replicationFactor,
    valueBytesMax: settings.valueBytesMax,
    sessionsMax: changes.sessionsMax ?? settings.sessionsMax,
    sessionWindow: changes.sessionWindow ?? settings.sessionWindow,
    sessionBytesMax: changes.sessionBytesMax ?? settings.sessionBytesMax,
    sessionIdleMs: changes.sessionIdleMs ?? settings.sessionIdleMs,
  };
}

/** Equal for equal settings, on every node and in every release that knows the same settings. */
export function hashSettings(settings: Settings): Hash64 {
  const hash = new Hash64();
  hash.start(0);
  for (const [name] of ranges) {
    hash.text(name);
    hash.integer(settings[name]);
  }
  hash.text(settings.eviction);
  hash.finish();
  return hash;
}
