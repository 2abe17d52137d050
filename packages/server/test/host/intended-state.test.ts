// Settings of other groups than group 0 (R11): whoever leads one brings it to what group 0 has, by
// an entry of that group, one at a time, and no further once they are the same.
import { Code, type EntryCommand, encodeEntry, FORMAT_VERSION, openPolicy } from '@cashe/codec';
import { createStore, type StateMachine } from '@cashe/store';
import { describe, expect, it } from '@jest/globals';
import { IntendedState, type StateReplica } from '../../src/host/intended-state.js';
import type { CommandResult } from '../../src/host/writes.js';
import { genesisSettings } from '../../src/node/records.js';
import { fakeLogger } from '../support/cli.js';

/** A replica whose commands are applied when the test says so. */
class Double implements StateReplica {
  readonly group: number;
  readonly store: StateMachine;
  leads = true;
  isFull = false;
  readonly queued: { command: EntryCommand; done: (result: CommandResult) => void }[] = [];

  constructor(group: number) {
    this.group = group;
    const settings = genesisSettings({});
    this.store = createStore({
      ...{ groupId: group, hashSeed: 1, settings, nodes: [], access: openPolicy },
    });
  }

  command(command: EntryCommand, _deadlineMs: number, done: (result: CommandResult) => void) {
    if (!this.isFull) this.queued.push({ command, done });
    return !this.isFull;
  }

  barrier(_deadlineMs: number, done: (code: Code, message: string) => void): boolean {
    done(Code.OK, '');
    return true;
  }

  apply(): void {
    for (const { command, done } of this.queued.splice(0)) {
      const header = {
        formatVersion: FORMAT_VERSION,
        ...{ clusterTimeMs: 0, restartLeases: false, envelopes: [], recencyHints: [] },
        ...{ digest: undefined, command },
      };
      const index = this.store.appliedIndex + 1;
      const { command: answer } = this.store.apply(
        index,
        encodeEntry({ header, batches: [] }),
        undefined,
      );
      done({ code: answer?.code ?? Code.OK, outcome: 1, message: '', index });
    }
  }
}

function intended(meta: Double): IntendedState {
  const clock = { nowMs: () => 0, wallMs: () => 0 };
  return new IntendedState({ clock, log: fakeLogger(), tlsOn: false, membershipMs: 100 }, meta);
}

describe('the settings of another group', () => {
  it('follow those of group 0, each change by one entry', () => {
    const [meta, other] = [new Double(0), new Double(1)];
    const state = intended(meta);
    state.step(other);
    expect(other.queued).toEqual([]);
    meta.command({ kind: 'changeSettings', changes: { entriesMax: 7 }, revision: 0 }, 0, () => 0);
    meta.apply();
    state.step(other);
    state.step(other);
    expect(other.queued).toHaveLength(1);
    other.apply();
    expect(other.store.settings()).toEqual(meta.store.settings());
    expect(other.store.settingsRevision()).toBe(2);
    state.step(other);
    expect(other.queued).toEqual([]);
  });

  it('are left to the leader of that group, and asked for again when there was no room', () => {
    const [meta, other] = [new Double(0), new Double(1)];
    const state = intended(meta);
    meta.command({ kind: 'changeSettings', changes: { bytesMax: 99 }, revision: 0 }, 0, () => 0);
    meta.apply();
    other.leads = false;
    state.step(other);
    other.leads = true;
    other.isFull = true;
    state.step(other);
    expect(other.queued).toEqual([]);
    other.isFull = false;
    state.step(other);
    other.apply();
    expect(other.store.settings().bytesMax).toBe(99);
  });
});
