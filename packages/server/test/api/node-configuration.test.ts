// What ConfigureNode changes: one object of limits that everybody holds, and the level of the log.
import { LogLevel } from '@cashe/proto';
import { describe, expect, it } from '@jest/globals';
import { defaultApiLimits } from '../../src/api/limits.js';
import { NodeConfiguration } from '../../src/api/node-configuration.js';

const unchanged = { logLevel: LogLevel.UNSPECIFIED };

describe('the configuration of a node', () => {
  it('changes the limits for whoever holds them already, and not the defaults', () => {
    const set = undefined;
    const configuration = new NodeConfiguration(defaultApiLimits, { level: 'info', set });
    const { limits } = configuration;
    configuration.change({ ...unchanged, unaryCallsMax: 3, principalsMax: 4 });
    expect(limits).toEqual({ ...defaultApiLimits, unaryCallsMax: 3, ownSessionPrincipalsMax: 4 });
    expect(defaultApiLimits.unaryCallsMax).not.toBe(3);
    expect(configuration.view('n1')).toMatchObject({ nodeId: 'n1', unaryCallsMax: 3 });
  });

  it('sets the level of the log, and remembers it', () => {
    const levels: string[] = [];
    const set = (level: string): number => levels.push(level);
    const configuration = new NodeConfiguration(defaultApiLimits, { level: 'warn', set });
    expect(configuration.view('n1').logLevel).toBe(LogLevel.WARN);
    configuration.change({ logLevel: LogLevel.DEBUG });
    configuration.change(unchanged);
    expect([levels, configuration.view('n1').logLevel]).toEqual([['debug'], LogLevel.DEBUG]);
  });

  it('refuses a level that is none, or that is not its own, and then changes nothing', () => {
    const configuration = new NodeConfiguration(defaultApiLimits, {
      level: 'info',
      set: undefined,
    });
    const change = { logLevel: LogLevel.DEBUG, watchStreamsMax: 1 };
    expect(() => configuration.change(change)).toThrow('embedded');
    expect(configuration.limits.watchStreamsMax).toBe(defaultApiLimits.watchStreamsMax);
    expect(() => configuration.change({ logLevel: 7 as LogLevel })).toThrow('log_level is 7');
  });
});
