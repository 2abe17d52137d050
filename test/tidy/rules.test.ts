// Goal: each tidy rule finds what it is for and lets the neighbouring legal form pass.
// Method: small sources, and for the import rules a repository made of them.
import {
  deepImports,
  forbiddenImports,
  importCycles,
  undeclaredDependencies,
  unreachableFiles,
  unusedExports,
} from './graph.js';
import type { Repository } from './repository.js';
import { parseSource, type Source } from './source.js';
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
} from './syntax.js';

type Rule = (source: Source) => readonly string[];

const lines = (count: number): string => '\n'.repeat(count - 1);

const cases: readonly (readonly [string, Rule, readonly string[], readonly string[]])[] = [
  [
    'longFunctions',
    (source) => longFunctions(source, 3),
    [
      `function f() {${lines(4)}}`,
      `const f = () => {${lines(4)}};`,
      `class C { m() {${lines(4)}} }`,
      `class C { constructor() {${lines(4)}} }`,
      `class C { get x() {${lines(4)}} }`,
      `class C { #x() {${lines(4)}} }`,
      `const o = { m() {${lines(4)}} };`,
      `it('x', () => {${lines(4)}});`,
    ],
    [`function f() {${lines(3)}}`, `describe.each([1])('x', () => {${lines(4)}});`],
  ],
  [
    'longLines',
    (source) => longLines(source, 20),
    ["const x = '12345678';"],
    ["const x = '1234567';"],
  ],
  ['longFile', (source) => longFile(source, 2), ['let a;\n\n\n'], ['let a;\n\n']],
  [
    'impurities',
    impurities,
    [
      'export const now = Date.now();',
      'export type P = Promise<void>;',
      'export const r = Math.random();',
      'const { random } = Math;',
      'async function f() {}',
      'const f = async () => 0;',
      'class C { async m() {} }',
      'for await (const x of y) {}',
      'setTimeout(() => 0, 1);',
      'const b = Buffer.alloc(1);',
      "const d = process.env['X'];",
      "'a'.localeCompare('b');",
      'new Intl.Collator();',
      'new WeakRef({});',
      'console.log(1);',
    ],
    [
      'interface Clock { Date: number; process(): void }',
      'function f(process: number) { return process; }',
      'const { imul } = Math;',
      'const x = { Promise: 1 }; x.Promise;',
      '// Promise, Date',
    ],
  ],
  [
    'moduleState',
    moduleState,
    [
      'let a = 1;',
      'var a = 1;',
      'export let a = 1;',
      'const m = new Map();',
      'export const s: Set<number> = new Set();',
      'class C { static n = 0; }',
    ],
    [
      'const a = 1;',
      'function f() { let a = 1; return a; }',
      'const m: ReadonlyMap<string, number> = new Map();',
      'class C { static readonly n = 0; m = new Map(); }',
    ],
  ],
  ['consoleUses', consoleUses, ["console.log('x');"], ['const log = { console: 1 }; log.console;']],
  [
    'bannedConstructs',
    bannedConstructs,
    [
      'const a: any = 1;',
      'function f(x: any[]) {}',
      'const a = b as unknown as number;',
      'export default 1;',
      'export default class {}',
      'const a = 1; export { a as default };',
      "export * from './x.js';",
      "export * as x from './x.js';",
      'enum E { A }',
      'namespace N { export const x = 1; }',
    ],
    ['const a = b as unknown;', 'const any = 1;', "export { a } from './x.js';"],
  ],
  [
    'switchedOffTests',
    switchedOffTests,
    [
      "it.only('x', () => {});",
      "describe.skip('x', () => {});",
      "test.todo('x');",
      "it.only.each([1])('x', () => {});",
      "xit('x', () => {});",
      "fdescribe('x', () => {});",
    ],
    ["it.each([1])('x', () => {});", 'cursor.skip(1);'],
  ],
  [
    'sleeps',
    sleeps,
    [
      'await new Promise((resolve) => setTimeout(resolve, 5));',
      'await new Promise<void>((done) => { setTimeout(() => done(), 5); });',
      'await new Promise(function (r) { setTimeout(() => { r(1); }, 5); });',
      "import { setTimeout } from 'node:timers/promises';",
    ],
    [
      'await new Promise((_resolve, reject) => { setTimeout(reject, 5); });',
      'await new Promise((resolve) => setImmediate(resolve));',
      'await new Promise((resolve) => server.close(resolve));',
    ],
  ],
];

describe.each(cases)('%s', (_name, rule, bad, good) => {
  it.each(bad)('objects to %j', (text) => {
    expect(rule(parseSource('packages/raft/src/a.ts', text))).toHaveLength(1);
  });

  it.each(good)('lets %j pass', (text) => {
    expect(rule(parseSource('packages/raft/src/a.ts', text))).toEqual([]);
  });
});

const packages = ['proto', 'codec', 'raft', 'store', 'client', 'server', 'bench', 'simulator'];

/** A repository of these files in which every package exports src/index.ts and depends on zod. */
function repositoryOf(files: Readonly<Record<string, string>>): Repository {
  const exports = new Map([
    ['.', 'src/index.ts'],
    ['./core', 'src/core/index.ts'],
  ]);
  const sources = Object.entries(files).map(([file, text]) => parseSource(file, text));
  return {
    sources,
    manifests: new Map(packages.map((name) => [name, { exports, dependencies: new Set(['zod']) }])),
    entries: new Set(packages.map((name) => `packages/${name}/src/index.ts`)),
    rootDependencies: new Set(['fast-check']),
  };
}

describe('forbiddenImports', () => {
  it.each([
    ['raft/src/a.ts', 'node:fs'],
    ['raft/src/a.ts', '@cashe/codec'],
    ['codec/src/a.ts', 'protobufjs'],
    ['store/src/a.ts', '@cashe/raft'],
    ['store/src/a.ts', 'node:crypto'],
    ['client/src/a.ts', '@cashe/store'],
    ['client/src/a.ts', '@cashe/server/host'],
    ['server/src/host/a.ts', '../wal/wal.js'],
    ['server/src/host/a.ts', '../server.js'],
    ['server/src/host/a.ts', 'node:fs'],
    ['server/src/host/a.ts', '@cashe/proto'],
    ['server/src/wal/a.ts', '../rpc/peers.js'],
    ['server/src/rpc/a.ts', '../wal/wal.js'],
    ['server/src/api/a.ts', '../rest/rest.js'],
    ['server/src/api/a.ts', '@cashe/client'],
    ['server/src/rest/a.ts', '../api/kv.js'],
    ['server/src/server.ts', '@cashe/bench'],
    ['bench/src/a.ts', '@cashe/raft'],
    ['simulator/src/a.ts', '@cashe/server'],
    ['simulator/src/a.ts', '@cashe/proto'],
  ])('objects when %s imports %s', (file, specifier) => {
    const text = `import type { x } from '${specifier}';`;
    expect(forbiddenImports(repositoryOf({ [`packages/${file}`]: text }))).toEqual([
      `packages/${file}:1 imports ${specifier}`,
    ]);
  });

  it.each([
    ['raft/src/a.ts', './b.js'],
    ['codec/src/a.ts', 'protobufjs/minimal.js'],
    ['store/src/a.ts', '@cashe/codec'],
    ['client/src/a.ts', '@cashe/proto'],
    ['client/src/a.ts', 'node:os'],
    ['server/src/host/a.ts', './turn/b.js'],
    ['server/src/host/a.ts', '@cashe/client/core'],
    ['server/src/wal/a.ts', '../host/ports.js'],
    ['server/src/api/a.ts', '@cashe/client/core'],
    ['server/src/server.ts', './wal/wal.js'],
    ['server/src/cli/a.ts', '@cashe/client'],
    ['simulator/src/a.ts', '@cashe/server/host'],
    ['simulator/src/a.ts', '@cashe/client/core'],
    ['raft/test/a.ts', 'node:fs'],
  ])('lets %s import %s', (file, specifier) => {
    const text = `export const x = import('${specifier}');`;
    expect(forbiddenImports(repositoryOf({ [`packages/${file}`]: text }))).toEqual([]);
  });
});

describe('the other import rules', () => {
  it('see imports that leave the package, reach into tests or are not exported', () => {
    const repository = repositoryOf({
      'packages/store/src/a.ts': "import '../../codec/src/b.js';\nimport '../test/c.js';",
      'packages/store/test/a.test.ts': "import '../src/a.js';\nimport '@cashe/codec/src/b.js';",
      'packages/server/src/a.ts': "import '@cashe/client/core';",
    });
    expect(deepImports(repository)).toEqual([
      'packages/store/src/a.ts:1 imports ../../codec/src/b.js',
      'packages/store/src/a.ts:2 imports ../test/c.js',
      'packages/store/test/a.test.ts:2 imports @cashe/codec/src/b.js',
    ]);
  });

  it('see undeclared and idle dependencies', () => {
    const text = "import 'yaml';\nimport 'zod/v4';";
    const files = packages.map((name) => [`packages/${name}/src/a.ts`, "import 'zod';"]);
    const repository = repositoryOf({
      ...Object.fromEntries(files),
      'packages/server/src/a.ts': text,
      'packages/client/src/a.ts': '',
      'packages/client/test/a.test.ts': "import 'fast-check';\nimport 'zod';",
    });
    expect(undeclaredDependencies(repository)).toEqual([
      'packages/server/src/a.ts:1 imports yaml',
      'packages/client/package.json: zod is not imported',
    ]);
  });

  it('see a cycle, types included', () => {
    const repository = repositoryOf({
      'packages/raft/src/a.ts': "import { b } from './b.js';",
      'packages/raft/src/b.ts': "export { c } from './c.js';",
      'packages/raft/src/c.ts': "import type { a } from './a.js';",
    });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => `packages/raft/src/${name}.ts`);
    expect(importCycles(repository)).toEqual([`${a} → ${b} → ${c} → ${a}`]);
  });

  it('see files that nothing reaches and exports that nobody imports', () => {
    const repository = repositoryOf({
      'packages/raft/src/index.ts': "export { used } from './a.js';\nexport const open = 1;",
      'packages/raft/src/a.ts': 'export const used = 1;\nexport const idle = 2, tested = 3;',
      'packages/raft/src/worker.ts': 'export interface Unused {}',
      'packages/raft/src/orphan.ts': "new URL('./worker.js', import.meta.url);",
      'packages/raft/test/a.test.ts': "import { tested } from '../src/a.js';",
    });
    expect(unreachableFiles(repository)).toEqual([
      'packages/raft/src/worker.ts',
      'packages/raft/src/orphan.ts',
    ]);
    expect(unusedExports(repository)).toEqual(['packages/raft/src/a.ts:2 idle']);
  });
});
