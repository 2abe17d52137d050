import { describe, expect, it } from '@jest/globals';
import { parseCommand, UsageError } from '../src/options.js';
import { planOf, replayOptions } from '../src/run-plan.js';

describe('the command line', () => {
  it.each([
    [''],
    ['--seed x'],
    ['--seed 1 --seeds 1..2'],
    ['--seed 4294967296'],
    ['--seeds 5..2'],
    ['--seeds 5'],
    ['--seeds 1..2..3'],
    ['--minutes 0'],
    ['--minutes 1 --trace'],
    ['--seed 1 --skip-faults 3-1'],
    ['--seed 1 --skip-faults 0'],
    ['--seed 1 --frob'],
    ['1'],
  ])('refuses "%s" in one line', (line) => {
    let message = '';
    try {
      parseCommand(line.split(' ').filter((word) => word !== ''));
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      message = (error as Error).message;
    }
    expect(message).not.toBe('');
    expect(message).not.toContain('\n');
  });

  it('reads back the options of a replay', () => {
    const plan = {
      ...planOf(7),
      skipFaults: new Set([1, 2, 3, 9]),
      clientCount: 1,
      callersPerClient: 2,
      safetyMs: 150,
      steady: true,
    };
    const options = replayOptions(plan);
    expect(options).toContain('--skip-faults 1-3,9');
    const command = parseCommand(options.split(' '));
    expect(command).toEqual({ kind: 'replay', plan, trace: false, minimiseRuns: 0 });
  });
});
