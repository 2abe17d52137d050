// The repository as the tidy rules see it: its hand-written files and its package.json files.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSource, type Source } from './source.js';

export interface Manifest {
  readonly exports: ReadonlyMap<string, string>;
  readonly dependencies: ReadonlySet<string>;
}

export interface Repository {
  readonly sources: readonly Source[];
  readonly manifests: ReadonlyMap<string, Manifest>;
  /** Files that something outside the sources names: exports maps and npm scripts. */
  readonly entries: ReadonlySet<string>;
  readonly rootDependencies: ReadonlySet<string>;
}

const generated = /^packages\/proto\/src\//;

export function readRepository(root: string): Repository {
  const packages = readdirSync(join(root, 'packages')).filter((name) =>
    existsSync(join(root, 'packages', name, 'package.json')),
  );
  const folders = packages.flatMap((name) =>
    ['src', 'test', 'bin'].map((area) => `packages/${name}/${area}`),
  );
  const sources = [...folders, 'test']
    .flatMap((folder) => listFiles(root, folder))
    .filter((file) => !generated.test(file))
    .map((file) => parseSource(file, readFileSync(join(root, file), 'utf8')));
  const manifests = new Map(packages.map((name) => [name, readManifest(root, name)]));
  const rootPackage = readJson(join(root, 'package.json'));
  const entries = new Set(scriptEntries(rootPackage['scripts']));
  for (const [name, manifest] of manifests) {
    for (const target of manifest.exports.values()) entries.add(`packages/${name}/${target}`);
  }
  const rootDependencies = new Set(Object.keys(rootPackage['devDependencies'] ?? {}));
  return { sources, manifests, entries, rootDependencies };
}

function listFiles(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => posix.join(folder, file.replaceAll('\\', '/')))
    .filter((file) => /\.(ts|mjs)$/.test(file))
    .sort();
}

function readJson(file: string): Record<string, object | undefined> {
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, object | undefined>;
}

function readManifest(root: string, name: string): Manifest {
  const json = readJson(join(root, 'packages', name, 'package.json'));
  const exports = new Map<string, string>();
  for (const [subpath, target] of Object.entries(json['exports'] ?? {})) {
    const path: unknown = target?.default;
    if (typeof path === 'string') exports.set(subpath, sourceOf(path));
  }
  return { exports, dependencies: new Set(Object.keys(json['dependencies'] ?? {})) };
}

/** ./dist/core/index.js → src/core/index.ts */
export function sourceOf(path: string): string {
  return posix
    .normalize(path)
    .replace(/(^|\/)dist\//, '$1src/')
    .replace(/\.js$/, '.ts');
}

function scriptEntries(scripts: object | undefined): string[] {
  const paths = Object.values(scripts ?? {}).flatMap(
    (script) => String(script).match(/packages\/\S+\.m?js/g) ?? [],
  );
  return paths.map(sourceOf);
}
