// R12: a majority decides what the digest is; who differs is named; no majority stops everybody.
import { describe, expect, it } from '@jest/globals';
import { DigestVotes } from '../../src/host/digest-votes.js';

const three = { voters: [1, 2, 3], votersOutgoing: [], learners: [4], replicaIdMax: 4 };
const digest = (low: number, index = 10): { index: number; high: number; low: number } => {
  return { index, high: 7, low };
};

describe('digest votes (R12)', () => {
  it('are open until a majority has answered', () => {
    expect(new DigestVotes().report(1, digest(1), three)).toEqual({ kind: 'open' });
  });

  it('name nobody when the majority agrees', () => {
    const votes = new DigestVotes();
    votes.report(1, digest(1), three);
    const agreed = { kind: 'agreed', digest: digest(1), differing: [] };
    expect(votes.report(2, digest(1), three)).toEqual(agreed);
    expect(votes.report(3, digest(1), three)).toEqual(agreed);
  });

  it.each([
    [1, 'the leader'],
    [3, 'a follower'],
    [4, 'a learner'],
  ])('name replica %i (%s) when it differs', (odd) => {
    const votes = new DigestVotes();
    const decisions = [1, 2, 3, 4].map((id) => votes.report(id, digest(id === odd ? 9 : 1), three));
    expect(decisions.at(-1)).toEqual({ kind: 'agreed', digest: digest(1), differing: [odd] });
  });

  it('are split when all voters answered and no majority agrees', () => {
    const votes = new DigestVotes();
    votes.report(1, digest(1), three);
    votes.report(2, digest(2), three);
    expect(votes.report(3, digest(3), three)).toEqual({ kind: 'split', index: 10 });
  });

  it('decide nothing while the configuration is joint', () => {
    const votes = new DigestVotes();
    const both = { ...three, votersOutgoing: [1, 2, 5] };
    for (const id of [1, 2, 3]) {
      expect(votes.report(id, digest(id), both)).toEqual({ kind: 'open' });
    }
  });

  it('count each index apart and forget the oldest', () => {
    const votes = new DigestVotes();
    votes.report(1, digest(1, 1), three);
    for (let index = 2; index <= 9; index += 1) votes.report(1, digest(1, index), three);
    expect(votes.report(2, digest(1, 1), three)).toEqual({ kind: 'open' });
    expect(votes.report(2, digest(1, 9), three).kind).toBe('agreed');
  });
});
