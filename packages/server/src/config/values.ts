/**
 * The kinds of values options have. Each schema takes what a file gives (numbers, booleans, maps)
 * and what a flag gives (text), and its message says what is allowed.
 */
import { z } from 'zod';
import { type AddressUse, formatAddress, parseAddress } from './address.js';
import { show } from './errors.js';
import { didYouMean } from './nearest.js';
import type { ListenAddress } from './options.js';

type IssueError = { error: (issue: { readonly input: unknown }) => string };

const must = (allowed: string): IssueError => ({
  error: ({ input }) =>
    input === undefined
      ? `is missing: must be ${allowed}`
      : `must be ${allowed}, not ${show(input)}`,
});

export function text(allowed: string): z.ZodType<string> {
  const error = must(allowed);
  return z.string(error).min(1, error).max(4096, error);
}

/** Node ids name files, certificates and log lines. */
const idPattern = /^[A-Za-z0-9._-]{1,64}$/;
const idAllowed = '1 to 64 of A-Z a-z 0-9 . _ -';
/** `.` and `..` would name a directory that is not the node's own. */
const isId = (id: string): boolean => idPattern.test(id) && !/^\.\.?$/.test(id);

export const nodeId: { readonly schema: z.ZodType<string>; readonly allowed: string } = {
  schema: text(idAllowed).refine(isId, { error: `must be ${idAllowed}` }),
  allowed: idAllowed,
};

export const toggle: z.ZodType<boolean> = z.union(
  [z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')],
  must('true or false'),
);

export function oneOf<const T extends string>(words: readonly T[]): z.ZodType<T> {
  return z.enum(words, must(`one of ${words.join(', ')}`));
}

/** An integer, and words that stand for one. */
export function integer(
  min: number,
  max: number,
  words: ReadonlyMap<string, number> = new Map(),
): z.ZodType<number> {
  const names = [...words.keys()].map((word) => ` or ${word}`).join('');
  const error = must(`an integer from ${min} to ${max}${names}`);
  const decimal = z
    .string()
    .refine((word) => words.has(word) || /^[0-9]{1,16}$/.test(word))
    .transform((word) => words.get(word) ?? Number(word));
  return z.union([z.number(), decimal], error).pipe(z.int(error).min(min, error).max(max, error));
}

const byteUnits: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
]);

/** A number of bytes, plain or with a binary unit. */
export function bytes(min: number, max: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  const error = must(`a number of bytes ${range}, such as 268435456 or 256MiB (KiB, MiB, GiB)`);
  const sized = z
    .string()
    .regex(/^[0-9]{1,16}(B|KiB|MiB|GiB)?$/)
    .transform((word) => {
      const [, count, unit] = /^([0-9]+)(.*)$/.exec(word) ?? [];
      return Number(count) * (byteUnits.get(unit ?? '') ?? 1);
    });
  return z.union([z.number(), sized], error).pipe(z.int(error).min(min, error).max(max, error));
}

/** A number of bytes with the largest unit that divides it. */
export function bytesText(count: number): string | number {
  const units = [...byteUnits].reverse().filter(([, size]) => size > 1);
  const [unit, size] = units.find(([, one]) => count > 0 && count % one === 0) ?? [];
  return unit === undefined || size === undefined ? count : `${count / size}${unit}`;
}

function address(use: AddressUse): z.ZodType<ListenAddress> {
  return z.string(must('HOST:PORT')).transform((input, context) => {
    const parsed = parseAddress(input, use);
    if (parsed.ok) return parsed.address;
    context.addIssue({ code: 'custom', message: parsed.problem, input });
    return z.NEVER;
  });
}

/** `:3000` to dial is this machine. A loopback listener always has 127.0.0.1, so it is that. */
const dialled = ({ host, port }: ListenAddress): string => formatAddress(host || '127.0.0.1', port);

export const addresses: {
  readonly listen: z.ZodType<ListenAddress>;
  readonly dialled: z.ZodType<string>;
  readonly advertised: z.ZodType<string>;
} = {
  listen: address('listen'),
  dialled: address('dial').transform(dialled),
  advertised: address('advertise').transform(({ host, port }) => formatAddress(host, port)),
};

const peerRoutesMax = 256;

/** `ID=HOST:PORT` words from flags, or a map from a file. */
export const peerRoutes: z.ZodType<ReadonlyMap<string, string>> = peerRoutesSchema();

function peerRoutesSchema(): z.ZodType<ReadonlyMap<string, string>> {
  const error = must('ID=HOST:PORT');
  const fromWords = z.array(z.string(error), error).transform((words, context) => {
    return words.map((word): [string, string] => {
      const at = word.indexOf('=');
      if (at < 1) {
        context.addIssue({ code: 'custom', message: error.error({ input: word }), input: word });
      }
      return [word.slice(0, at), word.slice(at + 1)];
    });
  });
  const fromMap = z
    .record(z.string(), z.string(must('HOST:PORT')), must('a map of node ids to HOST:PORT'))
    .transform((map) => Object.entries(map));
  // The shape decides the branch here, so that messages come from the branch that was meant.
  const pairs = z.unknown().transform((input, context): [string, string][] => {
    const parsed = (Array.isArray(input) ? fromWords : fromMap).safeParse(input);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      context.addIssue({ code: 'custom', message: issue.message, path: [...issue.path], input });
    }
    return z.NEVER;
  });
  return pairs.transform((list, context) => {
    const routes = new Map<string, string>();
    const refuse = (message: string): void =>
      context.addIssue({ code: 'custom', message, input: list });
    for (const [id, route] of list) {
      const parsed = addresses.dialled.safeParse(route);
      if (!isId(id)) refuse(`node id ${show(id)} must be ${idAllowed}`);
      else if (routes.has(id)) refuse(`node ${id} has two routes; one is possible`);
      else if (!parsed.success) refuse(parsed.error.issues[0]?.message ?? 'is not an address');
      else routes.set(id, parsed.data);
    }
    if (routes.size > peerRoutesMax) refuse(`must have at most ${peerRoutesMax} routes`);
    return routes;
  });
}

const listItemsMax = 1024;

export function listOf<T>(
  what: string,
  item: z.ZodType<T>,
  min = 0,
  max: number = listItemsMax,
): z.ZodType<readonly T[]> {
  const count = min === 0 ? `at most ${max}` : `${min} to ${max}`;
  const error = must(`a list of ${count} ${what}`);
  return z.array(item, error).min(min, error).max(max, error);
}

/** A map with these keys; what else stands in it is refused with the nearest of them. */
export function record<T extends z.ZodRawShape>(
  what: string,
  shape: T,
): z.ZodObject<T, z.core.$strict> {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      const unknown = issue.code === 'unrecognized_keys' ? String(issue['keys']?.[0]) : undefined;
      if (unknown === undefined) return `must be ${what}: { ${names.join(', ')} }`;
      return `unknown key ${unknown}${didYouMean(unknown, names)}`;
    },
  });
}
