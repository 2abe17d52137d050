/** Command lines of the bench and the replay. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Something on the command line is wrong; the message is for the person who typed it. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/** parseArgs with its complaints as UsageError. */
export function parseCommand<T extends ParseArgsConfig>(
  config: T,
): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

export function wholeNumber(name: string, word: string, min: number, max: number): number {
  const value = /^[0-9]{1,15}$/.test(word) ? Number(word) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not ${word}`);
}

export function wholeNumbers(name: string, words: string, min: number, max: number): number[] {
  return words.split(',').map((word) => wholeNumber(name, word, min, max));
}

/** Runs a command line program; the result is the exit code. */
export async function runCommand(
  name: string,
  usage: string,
  run: () => Promise<number>,
): Promise<void> {
  try {
    process.exitCode = await run();
  } catch (error) {
    const isUsage = error instanceof UsageError;
    process.stderr.write(`${name}: ${messageOf(error)}\n${isUsage ? `\n${usage}\n` : ''}`);
    process.exitCode = isUsage ? 2 : 1;
  }
}

/** With the causes: the first one says what was tried, the last one why it failed. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`;
}
