// The rules of this code base that a machine can check. A failure lists what breaks the rule as
// file:line; test/tidy/rules.test.ts shows that each rule finds what it looks for. Generated code
// (packages/proto) is exempt.
import { join } from 'node:path';
import {
  deepImports,
  forbiddenImports,
  importCycles,
  undeclaredDependencies,
  unreachableFiles,
  unusedExports,
} from './tidy/graph.js';
import { readRepository } from './tidy/repository.js';
import type { Source } from './tidy/source.js';
import {
  bannedConstructs,
  consoleUses,
  impurities,
  longFile,
  longFunctions,
  longLines,
  moduleState,
  sleeps,
  switchedOffTests,
} from './tidy/syntax.js';

const functionLinesMax = 70;
const lineCharactersMax = 100;
const fileLinesMax = 450;
const raftFileLinesMax = 400;

const repository = readRepository(join(__dirname, '..'));
const { sources } = repository;
const inArea = (...areas: readonly Source['area'][]): readonly Source[] =>
  sources.filter(({ area }) => areas.includes(area));

describe('sizes', () => {
  it(`no function is longer than ${functionLinesMax} lines`, () => {
    expect(sources.flatMap((source) => longFunctions(source, functionLinesMax))).toEqual([]);
  });

  it(`no line is longer than ${lineCharactersMax} characters`, () => {
    expect(sources.flatMap((source) => longLines(source, lineCharactersMax))).toEqual([]);
  });

  it(`no source file is longer than ${fileLinesMax} lines, in raft ${raftFileLinesMax}`, () => {
    const max = (source: Source): number =>
      source.pkg === 'raft' ? raftFileLinesMax : fileLinesMax;
    expect(inArea('src').flatMap((source) => longFile(source, max(source)))).toEqual([]);
  });
});

describe('imports', () => {
  it('go only in the direction the layout allows', () => {
    expect(forbiddenImports(repository)).toEqual([]);
  });

  it('cross packages only by the names the exports maps give', () => {
    expect(deepImports(repository)).toEqual([]);
  });

  it('are declared in package.json, and what is declared is imported', () => {
    expect(undeclaredDependencies(repository)).toEqual([]);
  });

  it('make no cycle', () => {
    expect(importCycles(repository)).toEqual([]);
  });

  it('reach every source file from an entry', () => {
    expect(unreachableFiles(repository)).toEqual([]);
  });

  it('use every export', () => {
    expect(unusedExports(repository)).toEqual([]);
  });
});

describe('sources', () => {
  it('of raft, store and codec see no clock, timer, promise, randomness, locale or Node', () => {
    const pure = inArea('src').filter(({ pkg }) => /^(raft|store|codec)$/.test(pkg));
    expect(pure.flatMap(impurities)).toEqual([]);
  });

  it('keep no mutable state at module level', () => {
    expect(inArea('src').flatMap(moduleState)).toEqual([]);
  });

  it('print only from the command line, a main file or the log', () => {
    const printers = /\/src\/(cli\/.*|(.*\/)?(main|log)\.ts$)/;
    const silent = inArea('src').filter(({ file }) => !printers.test(file));
    expect(silent.flatMap(consoleUses)).toEqual([]);
  });

  it('have no any, double cast, default export, export *, enum, namespace or decorator', () => {
    expect(inArea('src').flatMap(bannedConstructs)).toEqual([]);
  });
});

describe('tests', () => {
  it('all run: no .only, .skip, .todo or .failing', () => {
    expect(inArea('test').flatMap(switchedOffTests)).toEqual([]);
  });

  it('do not sleep', () => {
    expect(inArea('test').flatMap(sleeps)).toEqual([]);
  });
});
