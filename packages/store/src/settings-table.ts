/**
 * Settings as a group keeps them (R11): part of its own state, changed by entries of its own log.
 * Group 0 has the intended ones and counts their revisions; what other groups are told carries the
 * revision of group 0, so that an older change that comes late changes nothing.
 */
import { Code, type EntryCommand } from '@cashe/codec';
import { type CommandAnswer, commandDone } from './command-answer.js';
import type { Hash64 } from './hash.js';
import { changedSettings, hashSettings, validateSettings } from './settings.js';
import type { Settings } from './types.js';

type ChangeSettings = Extract<EntryCommand, { kind: 'changeSettings' }>;

export class SettingsTable {
  current: Settings;
  /** 1 at genesis. */
  revision = 1;
  hash: Hash64;

  constructor(settings: Settings) {
    this.current = settings;
    this.hash = hashSettings(settings);
  }

  apply({ changes, revision }: ChangeSettings, groupId: number): CommandAnswer {
    if (groupId !== 0 && revision <= this.revision) return commandDone;
    const settings = changedSettings(this.current, changes);
    const problem = validateSettings(settings);
    if (problem !== undefined) return { code: Code.INVALID_ARGUMENT, message: problem };
    const hash = hashSettings(settings);
    const isSame = hash.high === this.hash.high && hash.low === this.hash.low;
    if (groupId !== 0) this.revision = revision;
    else if (!isSame) this.revision += 1;
    this.current = settings;
    this.hash = hash;
    return commandDone;
  }
}
