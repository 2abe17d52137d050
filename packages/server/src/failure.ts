/** How a failure is told: one line for what an operator can act on, a trace for a bug. */
import { ConfigError } from './config/errors.js';
import { AddressInUseError, BindError, errorCode } from './net/errors.js';

interface Failure {
  readonly line: string;
  readonly exitCode: 1 | 2;
  /** Only of what nobody foresaw. */
  readonly trace: string | undefined;
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof ConfigError) return { line: error.message, exitCode: 2, trace: undefined };
  if (error instanceof AddressInUseError || error instanceof BindError) {
    return { line: bindProblem(error), exitCode: 1, trace: undefined };
  }
  if (!isErrorLike(error)) return { line: String(error), exitCode: 1, trace: undefined };
  const system = systemProblem(error);
  if (system !== undefined) return { line: system, exitCode: 1, trace: undefined };
  // Our typed errors have a name of their own and a message for people; the language's do not.
  const isForeseen = !unforeseenErrors.has(error.name);
  return { line: error.message, exitCode: 1, trace: isForeseen ? undefined : error.stack };
}

/** The language's, and those of our own that only a bug raises. */
const unforeseenErrors: ReadonlySet<string> = new Set([
  'InvariantError',
  'AssertionFailure',
  'Error',
  'AggregateError',
  'AssertionError',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
]);

interface ErrorLike {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code?: unknown;
  readonly path?: unknown;
}

/** Errors of Node's core need not be instances of this realm's Error. */
function isErrorLike(error: unknown): error is ErrorLike {
  return typeof error === 'object' && error !== null && 'message' in error && 'name' in error;
}

const systemProblems: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EADDRINUSE', 'the port is in use'],
  ['EADDRNOTAVAIL', 'not an address of this machine'],
  ['ENOSPC', 'the disk is full'],
  ['EROFS', 'the file system is read-only'],
  ['ENOTDIR', 'a part of the path is not a directory'],
  ['EMFILE', 'too many open files; raise the limit (ulimit -n)'],
  ['ENOTFOUND', 'the host name is not known'],
]);

function bindProblem(error: AddressInUseError | BindError): string {
  const problem = systemProblems.get(errorCode(error.cause) ?? '');
  if (error instanceof AddressInUseError || problem === undefined) return error.message;
  return `cannot listen on ${error.address}: ${problem}`;
}

function systemProblem(error: ErrorLike): string | undefined {
  if (typeof error.code !== 'string') return undefined;
  const problem = systemProblems.get(error.code);
  return problem === undefined ? undefined : `${problem} (${error.message})`;
}
