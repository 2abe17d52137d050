// Rules about who imports whom.
import { posix } from 'node:path';
import { type Repository, sourceOf } from './repository.js';
import type { Import, Source } from './source.js';

interface Edge {
  readonly source: Source;
  readonly import: Import;
  /** The imported file of this repository; undefined for node: and npm. */
  readonly target: string | undefined;
}

function edgesOf(repository: Repository): Edge[] {
  return repository.sources.flatMap((source) =>
    source.imports.map((one) => ({
      source,
      import: one,
      target: resolve(repository, source, one.specifier),
    })),
  );
}

function resolve(repository: Repository, source: Source, specifier: string): string | undefined {
  if (specifier.startsWith('.')) {
    return sourceOf(posix.join(posix.dirname(source.file), specifier));
  }
  const match = /^@cashe\/([^/]+)(\/.+)?$/.exec(specifier);
  if (match?.[1] === undefined) return undefined;
  const target = repository.manifests.get(match[1])?.exports.get(`.${match[2] ?? ''}`);
  return target && `packages/${match[1]}/${target}`;
}

function describeEdge(edge: Edge): string {
  return `${edge.source.file}:${edge.import.line} imports ${edge.import.specifier}`;
}

/** What each package's sources may import besides their own files. */
const allowedImports: ReadonlyMap<string, RegExp> = new Map([
  ['raft', /^(?!)/],
  ['codec', /^protobufjs\/minimal(\.js)?$/],
  ['store', /^@cashe\/codec$/],
  ['client', /^(?!@cashe\/(?!proto$|codec$))/],
  ['server', /^(?!@cashe\/(?!proto$|codec$|raft$|store$|client(\/core)?$))/],
  ['bench', /^(?!@cashe\/(?!proto$|client(\/core)?$|server(\/host)?$))/],
  ['chaos', /^(?!@cashe\/(?!(bench|client|proto|simulator)$))/],
  ['simulator', /^(?!@cashe\/(?!(codec|raft|store|server\/(host|simulation)|client\/core)$))/],
]);

/** The same for the server's folders, with paths inside src/ for relative imports. */
const allowedInServer: ReadonlyMap<string, RegExp> = new Map([
  ['host', /^(host\/.*|@cashe\/(codec|raft|store|client\/core))$/],
  ['wal', /^(?!(rpc|api|rest)\/|@cashe\/client)/],
  ['rpc', /^(?!(wal|api|rest)\/|@cashe\/client)/],
  ['api', /^(?!(wal|rpc|rest)\/|@cashe\/client$)/],
  ['rest', /^(?!(wal|rpc|api)\/|@cashe\/client$)/],
]);

export function forbiddenImports(repository: Repository): string[] {
  const isForbidden = ({ source, import: { specifier }, target }: Edge): boolean => {
    if (source.area !== 'src') return false;
    const allowed = allowedImports.get(source.pkg);
    if (!specifier.startsWith('.') && allowed?.test(specifier) === false) return true;
    const folder = /^packages\/server\/src\/([^/]+)\//.exec(source.file)?.[1] ?? '';
    const inside = specifier.startsWith('.')
      ? (target ?? '').replace('packages/server/src/', '')
      : specifier;
    return allowedInServer.get(folder)?.test(inside) === false;
  };
  return edgesOf(repository).filter(isForbidden).map(describeEdge);
}

/** Relative imports that leave the package or reach from src into test, and unexported paths. */
export function deepImports(repository: Repository): string[] {
  const isDeep = ({ source, import: { specifier }, target }: Edge): boolean => {
    if (!specifier.startsWith('.')) return specifier.startsWith('@cashe/') && target === undefined;
    if (source.pkg === '') return target?.startsWith('test/') !== true;
    const home = `packages/${source.pkg}/${source.area === 'src' ? 'src/' : ''}`;
    return target?.startsWith(home) !== true;
  };
  return edgesOf(repository).filter(isDeep).map(describeEdge);
}

/** npm imports that the package's own package.json does not declare, and the other way round. */
export function undeclaredDependencies(repository: Repository): string[] {
  const used = new Map<string, Set<string>>();
  const offenders: string[] = [];
  for (const edge of edgesOf(repository)) {
    const { source, import: one } = edge;
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(one.specifier)?.[0] ?? '';
    if (/^(\.|node:)/.test(one.specifier)) continue;
    const declared = repository.manifests.get(source.pkg)?.dependencies;
    const isTest = source.area === 'test';
    if (!isTest) used.set(source.pkg, (used.get(source.pkg) ?? new Set()).add(name));
    const inTest = isTest && (repository.rootDependencies.has(name) || name.startsWith('@cashe/'));
    if (declared?.has(name) !== true && !inTest) offenders.push(describeEdge(edge));
  }
  for (const [pkg, { dependencies }] of repository.manifests) {
    if (pkg === 'proto') continue; // Generated sources are not parsed.
    const idle = [...dependencies].filter((name) => used.get(pkg)?.has(name) !== true);
    offenders.push(...idle.map((name) => `packages/${pkg}/package.json: ${name} is not imported`));
  }
  return offenders;
}

export function importCycles(repository: Repository): string[] {
  const targets = new Map<string, string[]>();
  for (const { source, target } of edgesOf(repository)) {
    if (target === undefined || source.area !== 'src') continue;
    targets.set(source.file, [...(targets.get(source.file) ?? []), target]);
  }
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (path.includes(file) || done.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return cycles;
}

/** Sources that no entry (exports map, bin, npm script) reaches. */
export function unreachableFiles(repository: Repository): string[] {
  const edges = edgesOf(repository).filter(({ source }) => source.area !== 'test');
  const reached = new Set(repository.entries);
  for (const { file, area } of repository.sources) if (area === 'bin') reached.add(file);
  for (let before = -1; before !== reached.size; ) {
    before = reached.size;
    for (const { source, target } of edges) {
      if (target !== undefined && reached.has(source.file)) reached.add(target);
    }
  }
  const sources = repository.sources.filter(({ area }) => area === 'src');
  return sources.map(({ file }) => file).filter((file) => !reached.has(file));
}

/** Exports that no other file (tests included) imports; what an entry exports is public. */
export function unusedExports(repository: Repository): string[] {
  const used = new Set<string>();
  for (const { import: one, target } of edgesOf(repository)) {
    for (const name of one.names) used.add(`${target}#${name}`);
  }
  return repository.sources
    .filter(({ file, area }) => area === 'src' && !repository.entries.has(file))
    .flatMap(({ file, exports }) =>
      exports
        .filter(({ name }) => !used.has(`${file}#${name}`) && !used.has(`${file}#*`))
        .map(({ name, line }) => `${file}:${line} ${name}`),
    );
}
