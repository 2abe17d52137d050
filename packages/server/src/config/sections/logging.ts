/** The section `logging`: what is logged, how, and where to. */
import { z } from 'zod';
import type { OptionSpecs } from '../option.js';
import type { LogLevel } from '../options.js';
import { bytes, bytesText, integer, oneOf, text } from '../values.js';

export interface LoggingValues {
  readonly 'logging.level': LogLevel;
  readonly 'logging.json': boolean;
  readonly 'logging.file': string;
  readonly 'logging.error_file': string;
  readonly 'logging.file_bytes_max': number;
  readonly 'logging.files_max': number;
}

/** `--log-format=json`, `log.format: pretty`, `logging.json: true`: one option. */
const json = z
  .union([z.boolean(), z.enum(['true', 'false', 'json', 'pretty'])], {
    error: ({ input }) => `must be true or json, false or pretty, not ${JSON.stringify(input)}`,
  })
  .transform((value) => value === true || value === 'true' || value === 'json');

export const loggingOptions: OptionSpecs<LoggingValues> = {
  'logging.level': {
    schema: oneOf(['error', 'warn', 'info', 'debug']),
    flag: { name: '--log-level', argument: 'LEVEL' },
    aliases: [{ key: 'log.level' }],
    help: 'least severe level logged: error, warn, info or debug',
    fallback: 'info',
  },
  'logging.json': {
    schema: json,
    flag: { name: '--log-format', argument: 'FORMAT' },
    aliases: [{ key: 'log.format' }],
    help: 'true or json: one JSON object per line; false or pretty: text for people',
    defaultText: 'false on a terminal, else true',
    example: 'true',
  },
  'logging.file': {
    schema: text('a file'),
    flag: { name: '--log-file', argument: 'FILE' },
    help: 'log into this file instead of standard error; `<id>` in its name is the id of the node',
    defaultText: 'standard error',
    example: './logs/raft0.log',
  },
  'logging.error_file': {
    schema: text('a file'),
    help: 'errors stand in this file too',
    example: './logs/raft0.err',
  },
  'logging.file_bytes_max': {
    schema: bytes(64 * 1024),
    help: 'a log file that has become this large is put aside and a new one begun',
    fallback: 64 * 1024 * 1024,
    format: bytesText,
  },
  'logging.files_max': {
    schema: integer(1, 100),
    help: 'files kept per log, the current one included; the oldest goes',
    fallback: 5,
  },
};
