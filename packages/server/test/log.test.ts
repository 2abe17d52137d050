import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LogFormat, LogLevel } from '../src/config/options.js';
import { createLogger, type LoggerOptions, type NodeLogger } from '../src/log.js';

function logged(format: LogFormat, level: LogLevel, use: (logger: NodeLogger) => void): string[] {
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

describe('a level that is changed', () => {
  it('holds from then on', () => {
    const lines = logged('json', 'warn', (log) => {
      log.info('not yet');
      log.setLogLevel('debug');
      log.debug('now');
      log.setLogLevel('error');
      log.warn('no more');
    });
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(['now']);
  });
});

describe('a log file', () => {
  let directory = '';
  let errors: string[] = [];
  const file = (name: string): string => join(directory, 'logs', name);
  const messages = (name: string): string[] =>
    readFileSync(file(name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).message);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'cashe-log-'));
    errors = [];
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function open(options: Partial<LoggerOptions>): NodeLogger {
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        errors.push(JSON.parse(chunk.toString()).message);
        done();
      },
    });
    return createLogger({ level: 'info', format: 'json', nodeId: 'n', stream, ...options });
  }

  it('has every line when it is closed, and standard error has the errors', async () => {
    const log = open({ file: file('a.log'), errorFile: file('a.err') });
    log.info('one');
    log.error('two');
    log.debug('three');
    log.setLogLevel('debug');
    log.debug('four');
    await log.close();
    expect(messages('a.log')).toEqual(['one', 'two', 'four']);
    expect(messages('a.err')).toEqual(['two']);
    expect(errors).toEqual(['two']);
  });

  it('is added to when the node starts again', async () => {
    for (const message of ['before', 'after']) {
      const log = open({ file: file('a.log') });
      log.info(message);
      await log.close();
    }
    expect(messages('a.log')).toEqual(['before', 'after']);
  });

  it('is put aside when it is full, and the oldest goes, and no line is lost', async () => {
    const fileBytesMax = 64 * 1024;
    const log = open({ file: file('a.log'), fileBytesMax, filesMax: 3 });
    const written = 2_500;
    for (let line = 0; line < written; line += 1) {
      log.info(`line ${line} ${'x'.repeat(100)}`);
      // So that files change while lines come, sometimes in a burst.
      if (line % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    const names = ['a.log', 'a.log.1', 'a.log.2'];
    expect(readdirSync(join(directory, 'logs')).sort()).toEqual(names);
    for (const name of names) expect(statSync(file(name)).size).toBeLessThanOrEqual(fileBytesMax);
    const kept = names.toReversed().flatMap((name) => messages(name));
    const lines = kept.map((message) => Number(message.split(' ')[1]));
    expect(lines.length).toBeGreaterThan((2 * fileBytesMax) / 250);
    expect(lines).toEqual(lines.map((_, index) => written - lines.length + index));
  });

  it('may be the only one kept, and may be smaller than a line', async () => {
    const log = open({ file: file('a.log'), fileBytesMax: 10, filesMax: 1 });
    for (const message of ['one', 'two', 'three']) log.info(message);
    await log.close();
    expect(messages('a.log')).toEqual(['three']);
    expect(readdirSync(join(directory, 'logs'))).toEqual(['a.log']);
  });

  it('says how many lines it had no room for', async () => {
    const log = open({ file: file('a.log') });
    const large = 'x'.repeat(1024 * 1024);
    for (let line = 0; line < 6; line += 1) log.info(large);
    await untilTrue(() => errors.length > 0);
    // There is room again.
    log.info(large);
    log.info(large);
    await log.close();
    expect(errors).toEqual(['log lines were dropped']);
    const short = messages('a.log').map((message) => message.slice(0, 22));
    const [x, dropped] = [large.slice(0, 22), 'log lines were dropped'];
    expect(short).toEqual([x, x, x, dropped, x, x]);
  });

  it('that fails later leaves the log to standard error', async () => {
    const log = open({ file: file('a.log'), fileBytesMax: 64 * 1024, filesMax: 2 });
    log.info('one');
    await untilTrue(() => messages('a.log').length === 1);
    // The next change of files cannot remove this one.
    mkdirSync(file('a.log.1'));
    log.info('x'.repeat(64 * 1024));
    await untilTrue(() => errors.length > 0);
    expect(errors).toEqual(['a log file cannot be written any more']);
    log.info('still');
    expect(errors.at(-1)).toBe('still');
    log.setLogLevel('debug');
    log.debug('two');
    expect(errors.at(-1)).toBe('two');
    await log.close();
  });

  it('that cannot be written is refused by the name of its option', () => {
    expect(() => open({ file: directory })).toThrow(
      `logging.file: ${directory} cannot be written (EISDIR)`,
    );
    expect(() => open({ errorFile: directory })).toThrow('logging.error_file: ');
  });
});

async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
