/** Changes of settings as entries keep them: `cashe.v1.SettingsChanges`, read strictly. */
import { CodecError } from './errors.js';
import type { SettingsChanges } from './types.js';
import { seenOnce, UINT32_MAX, type WireReader } from './wire-reader.js';
import type { WireWriter } from './wire-writer.js';

type NumericChange = Exclude<keyof SettingsChanges, 'eviction'>;

/** By field number; eviction has 3. */
const fields: readonly (readonly [number, NumericChange])[] = [
  [1, 'entriesMax'],
  [2, 'bytesMax'],
  [4, 'replicationFactor'],
  [5, 'sessionsMax'],
  [6, 'sessionWindow'],
  [7, 'sessionBytesMax'],
  [8, 'sessionIdleMs'],
];
const EVICTION_FIELD = 3;
/** uint64 in the .proto; the others are uint32. */
const wide: ReadonlySet<NumericChange> = new Set(['entriesMax', 'bytesMax', 'sessionIdleMs']);
const evictions = [undefined, 'lru', 'noeviction'] as const;

/** Bytes of a message with every field, at most. */
export const SETTINGS_CHANGES_BYTES_MAX = 96;

/** The fields of a message that the caller has begun. */
export function writeSettingsChanges(writer: WireWriter, changes: SettingsChanges): void {
  for (const [field, name] of fields) {
    const value = changes[name];
    if (value !== undefined) writer.uintAlways(field, value);
    // In the order of the field numbers, as generated code writes them.
    if (field === EVICTION_FIELD - 1) {
      writer.uint(EVICTION_FIELD, evictions.indexOf(changes.eviction));
    }
  }
}

/** The message that follows. */
export function readSettingsChanges(reader: WireReader): SettingsChanges {
  const changes: { -readonly [Name in keyof SettingsChanges]: SettingsChanges[Name] } = {};
  let seen = 0;
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    seen = seenOnce(seen, tag);
    const value = reader.uint();
    const [, name] = fields.find(([field]) => field * 8 === tag) ?? [];
    if (name !== undefined) {
      if (value > UINT32_MAX && !wide.has(name)) throw refused(`${name} is ${value}`);
      changes[name] = value;
    } else if (tag === EVICTION_FIELD * 8) {
      changes.eviction = evictions[value];
      if (changes.eviction === undefined && value !== 0) throw refused(`eviction is ${value}`);
    } else {
      throw refused(`tag ${tag} is unknown`);
    }
  }
  reader.leave(outer);
  return changes;
}

function refused(what: string): CodecError {
  return new CodecError(`SettingsChanges: ${what}`);
}
