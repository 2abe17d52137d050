// Goal: a node that starts with stated settings compares them with the leader's, however long that
// takes, and neither spins nor goes on when it is stopped.
import { Code, Outcome } from '@cashe/codec';
import { describe, expect, it } from '@jest/globals';
import type { GivenSettings } from '../../src/config/options.js';
import type { AdminAnswer } from '../../src/host/ports.js';
import { genesisSettings } from '../../src/node/records.js';
import { checkSettings } from '../../src/node/settings-check.js';
import { HeldPauses, settled } from '../support/held-pauses.js';

const settings: AdminAnswer = {
  kind: 'admin',
  result: 'settings',
  revision: 1,
  settings: genesisSettings({ entriesMax: 500 }),
};
const refused: AdminAnswer = {
  kind: 'admin',
  result: 'refused',
  code: Code.UNAVAILABLE,
  outcome: Outcome.NOT_COMMITTED,
  message: 'node n2 is not reachable',
};

class Check {
  readonly told: string[] = [];
  /** What the leader is asked gets these answers, one after the other, at once. */
  answers: AdminAnswer[] = [];
  asked = 0;
  readonly pauses: HeldPauses = new HeldPauses();
  #isServing = false;
  readonly #listeners: Set<(serving: boolean) => void> = new Set();

  constructor(given: GivenSettings) {
    checkSettings(
      {
        admin: (_call, _principal, _ms, done) => {
          this.asked += 1;
          done(this.answers.shift() ?? refused);
        },
        serving: () => this.#isServing,
        onServing: (listener) => {
          this.#listeners.add(listener);
          return () => this.#listeners.delete(listener);
        },
      },
      { id: 'n0', settings: given },
      this.pauses,
      {
        agreed: () => this.told.push('agreed'),
        conflict: (problem) => this.told.push(problem),
      },
    );
  }

  async serving(serving: boolean): Promise<void> {
    this.#isServing = serving;
    for (const listener of [...this.#listeners]) listener(serving);
    await settled();
  }
}

describe('the stated settings (R25)', () => {
  it('are not asked for when none are stated', async () => {
    const check = new Check({});
    await check.serving(true);
    expect(check).toMatchObject({ told: ['agreed'], asked: 0 });
  });

  it.each([
    [500, 'agreed'],
    [7, expect.stringMatching(/^--capacity .* is 7, but the cluster has 500/)],
  ])('%d: are compared with the leader', async (entriesMax, told) => {
    const check = new Check({ entriesMax });
    check.answers = [settings];
    expect(check.asked).toBe(0);
    await check.serving(true);
    await check.serving(true);
    expect(check).toMatchObject({ told: [told], asked: 1 });
  });

  it('are asked for again after a pause while the leader is heard but not reached', async () => {
    const check = new Check({ entriesMax: 500 });
    await check.serving(true);
    expect(check).toMatchObject({ told: [], asked: 1 });
    await check.pauses.goOn();
    expect(check).toMatchObject({ told: [], asked: 2 });
    check.answers = [settings];
    await check.pauses.goOn();
    expect(check).toMatchObject({ told: ['agreed'], asked: 3 });
    expect(check.pauses.waiting).toEqual([]);
  });

  it('are asked for anew when the node serves again', async () => {
    const check = new Check({ entriesMax: 500 });
    await check.serving(true);
    await check.serving(false);
    await check.pauses.goOn();
    expect(check).toMatchObject({ told: [], asked: 1 });
    expect(check.pauses.waiting).toEqual([]);
    check.answers = [settings];
    await check.serving(true);
    expect(check).toMatchObject({ told: ['agreed'], asked: 2 });
  });

  it('are asked for once at a time, however often serving changes', async () => {
    const check = new Check({ entriesMax: 500 });
    await check.serving(true);
    await check.serving(false);
    await check.serving(true);
    expect(check.asked).toBe(1);
    expect(check.pauses.waiting).toHaveLength(1);
    await check.pauses.goOn();
    expect(check).toMatchObject({ told: [], asked: 2 });
  });

  it('are not asked for any more once the node is stopped', async () => {
    const check = new Check({ entriesMax: 500 });
    await check.serving(true);
    check.pauses.stopping.abort();
    await settled();
    expect(check).toMatchObject({ told: [], asked: 1 });
  });
});
