import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { LogFormat, LogLevel } from '../src/config/options.js';
import type { Logger } from '../src/host/ports.js';
import { createLogger } from '../src/log.js';

function logged(format: LogFormat, level: LogLevel, use: (logger: Logger) => void): string[] {
  const lines: string[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  use(createLogger({ format, level, nodeId: 'raft0', stream }));
  return lines;
}

describe('a line of the log', () => {
  it('is one JSON object with the time, the node and the fields', () => {
    const [line] = logged('json', 'info', (log) => log.info('peer lost', { peer: 'b', term: 3 }));
    expect(line?.endsWith('\n')).toBe(true);
    expect(JSON.parse(line ?? '')).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      level: 'info',
      node: 'raft0',
      message: 'peer lost',
      peer: 'b',
      term: 3,
    });
  });

  it('is readable text when pretty', () => {
    const fields = { peer: 'b c', term: 3, none: undefined, map: new Map([['a', 1]]) };
    const [line] = logged('pretty', 'info', (log) => log.warn('peer lost', fields));
    expect(line).toMatch(/^\S+Z warn {2}raft0 peer lost peer="b c" term=3 map="\{\\"a\\":1\}"\n$/);
  });

  it('cannot be faked or bent by what a field or a message holds', () => {
    const fields = { level: 'x', message: 'y', time: 0, text: 'a\nb\u001b[2J\u009b' };
    const [json] = logged('json', 'info', (log) => log.info('m\nn', fields));
    expect(JSON.parse(json ?? '')).toMatchObject({ level: 'info', message: 'm\nn', level_: 'x' });
    const [pretty] = logged('pretty', 'info', (log) => log.info('m\nn\u001b', fields));
    expect(pretty).toContain('m\\x0an\\x1b');
    expect(pretty?.trimEnd()).not.toMatch(/\p{Cc}/u);
  });

  it('shows errors by code and message, big integers and bytes', () => {
    const error = Object.assign(new Error('gone'), { code: 'ECONNRESET' });
    const fields = { error, big: 2n ** 60n, bytes: Uint8Array.of(1, 255) };
    const [json] = logged('json', 'info', (log) => log.error('x', fields));
    expect(JSON.parse(json ?? '')).toMatchObject({
      error: 'ECONNRESET: gone',
      big: '1152921504606846976',
      bytes: '01ff',
    });
    const [pretty] = logged('pretty', 'info', (log) => log.error('x', fields));
    expect(pretty).toContain('error="ECONNRESET: gone" big=1152921504606846976 bytes=01ff');
  });
});

describe('the level', () => {
  it.each([
    ['error', ['error']],
    ['warn', ['error', 'warn']],
    ['info', ['error', 'warn', 'info']],
    ['debug', ['error', 'warn', 'info', 'debug']],
  ] as const)('%s logs %j', (level, expected) => {
    const lines = logged('json', level, (log) => {
      log.error('e');
      log.warn('w');
      log.info('i');
      log.debug('d');
    });
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(expected);
  });
});
