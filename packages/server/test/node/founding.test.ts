// Goal: founders lose no time: what can be known by being told is not waited for. Method: one
// founder of three, with the other two as a double; time stands still unless a test moves it.
import { randomBytes } from 'node:crypto';
import { openPolicy } from '@cashe/codec';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Founder } from '../../src/config/options.js';
import type { AdmissionContext } from '../../src/node/admission.js';
import { Founding, foundersHash } from '../../src/node/founding.js';
import { realScheduler } from '../../src/node/real-ports.js';
import { genesisTerms, newGenesisRecord } from '../../src/node/records.js';
import type { FoundAnswer, FoundRequest } from '../../src/rpc/index.js';

const founders: readonly Founder[] = ['n1', 'n2', 'n3'].map((id, index) => ({
  id,
  client: `127.0.0.1:300${index}`,
  raft: `127.0.0.1:400${index}`,
}));
const terms = genesisTerms({ settings: {}, access: openPolicy });
const record = newGenesisRecord(
  founders.map(({ id, client, raft }) => {
    return { nodeId: id, nodeUid: `uid-${id}`, clientAddress: client, raftAddress: raft };
  }),
  terms,
);

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** A founder whose questions a test answers: with an answer, a reason, or not at all. */
class Lone {
  readonly asked: string[] = [];
  readonly handedOver: string[] = [];
  readonly waits: string[] = [];
  readonly persisted: string[] = [];
  readonly stop: AbortController = new AbortController();
  answers = new Map<string, FoundAnswer | string>();
  readonly founding: Founding;

  constructor(nodeId: string) {
    const context: AdmissionContext = {
      nodeId,
      nodeUid: `uid-${nodeId}`,
      clientAddress: '',
      raftAddress: '',
      signal: this.stop.signal,
      waitFor: (what: string) => this.waits.push(what),
      scheduler: realScheduler,
      random: Math.random,
    };
    this.founding = new Founding(context, {
      founders,
      terms,
      randomBytes,
      persist: async ({ genesis }) => {
        this.persisted.push(genesis.clusterId);
      },
      ask: (address, request) => this.#ask(address, request),
    });
  }

  #ask(address: string, request: FoundRequest): Promise<FoundAnswer> {
    const id = founders.find((founder) => founder.raft === address)?.id ?? '';
    (request.genesis === undefined ? this.asked : this.handedOver).push(id);
    const answer = this.answers.get(id);
    if (answer === undefined) return new Promise(() => undefined);
    return typeof answer === 'string' ? Promise.reject(new Error(answer)) : Promise.resolve(answer);
  }
}

function blank(id: string): FoundAnswer {
  const rest = {
    blank: true,
    foundersHash: foundersHash(founders, terms),
    joining: false,
  };
  return { nodeId: id, nodeUid: `uid-${id}`, genesis: undefined, ...rest };
}

function question(id: string, genesis?: Uint8Array): FoundRequest {
  const foundersOf = foundersHash(founders, terms);
  return { nodeId: id, nodeUid: `uid-${id}`, foundersHash: foundersOf, genesis };
}

describe('a founder (R25)', () => {
  it('says in one line whom it waits for, and why', async () => {
    const one = new Lone('n1');
    one.answers = new Map([
      ['n2', 'connection refused'],
      ['n3', 'timed out'],
    ]);
    const end = one.founding.run();
    await jest.advanceTimersByTimeAsync(1000);
    expect(new Set(one.waits)).toEqual(
      new Set([
        'founder n2 at 127.0.0.1:4001 (connection refused), ' +
          'founder n3 at 127.0.0.1:4002 (timed out)',
      ]),
    );
    one.stop.abort();
    expect(await end).toEqual({ kind: 'stopped' });
  });

  it('that is asked by one it could not reach asks back at once', async () => {
    const one = new Lone('n1');
    one.answers = new Map<string, FoundAnswer | string>([
      ['n2', blank('n2')],
      ['n3', 'connection refused'],
    ]);
    const end = one.founding.run();
    await jest.advanceTimersByTimeAsync(1);
    one.answers.set('n3', blank('n3'));
    one.founding.onFound(question('n3'));
    await jest.advanceTimersByTimeAsync(30);
    expect(await end).toMatchObject({ kind: 'founded' });
    expect(one.persisted).toHaveLength(1);
    expect(one.handedOver).toEqual(['n2', 'n3']);
  });

  it('is not driven faster by those it can reach', async () => {
    const two = new Lone('n2');
    two.answers = new Map([
      ['n1', blank('n1')],
      ['n3', blank('n3')],
    ]);
    const end = two.founding.run();
    await jest.advanceTimersByTimeAsync(1);
    for (let i = 0; i < 100; i++) {
      two.founding.onFound(question('n3'));
      await jest.advanceTimersByTimeAsync(1);
    }
    expect(two.asked).toEqual(['n1', 'n3']);
    two.stop.abort();
    await end;
  });

  it('is driven a little faster, not more, by whoever else asks', async () => {
    const two = new Lone('n2');
    two.answers = new Map([
      ['n1', 'connection refused'],
      ['n3', 'connection refused'],
    ]);
    const end = two.founding.run();
    for (let ms = 0; ms < 200; ms++) {
      two.founding.onFound(question('n3'));
      await jest.advanceTimersByTimeAsync(1);
    }
    // Two questions a round, 15 ms between rounds at the least.
    expect(two.asked.length).toBeLessThanOrEqual(2 * 15);
    two.stop.abort();
    await end;
  });

  it('adopts the record that is handed to it while its own questions are unanswered', async () => {
    const two = new Lone('n2');
    const end = two.founding.run();
    await jest.advanceTimersByTimeAsync(1);
    expect(two.asked).toEqual(['n1', 'n3']);
    two.founding.onFound(question('n1', record));
    expect(await end).toMatchObject({ kind: 'founded', admission: { identity: { replicaId: 2 } } });
    expect(two.persisted).toHaveLength(1);
  });

  it('adopts it at once between two rounds', async () => {
    const two = new Lone('n2');
    two.answers = new Map<string, FoundAnswer | string>([
      ['n1', blank('n1')],
      ['n3', 'connection refused'],
    ]);
    const end = two.founding.run();
    await jest.advanceTimersByTimeAsync(1);
    two.founding.onFound(question('n1', record));
    await jest.advanceTimersByTimeAsync(30);
    expect(await end).toMatchObject({ kind: 'founded' });
    expect(two.asked).toEqual(['n1', 'n3']);
  });
});
