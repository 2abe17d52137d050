// A source file as the tidy rules see it: text, syntax tree, imports and exports. The tree comes
// from swc (TypeScript 7 has no API); its spans count bytes from 1 and its identifiers carry
// `ctxt` 1 when nothing in the file declares them.
import { parseSync } from '@swc/core';

export interface Node {
  readonly type: string;
  readonly span: { readonly start: number; readonly end: number };
  readonly [key: string]: unknown;
}

/** What one statement takes from another file; the name `*` stands for everything. */
export interface Import {
  readonly specifier: string;
  readonly names: readonly string[];
  readonly line: number;
}

export interface Export {
  readonly name: string;
  readonly line: number;
}

export interface Source {
  /** Path from the repository root. */
  readonly file: string;
  /** Folder below packages/, or '' for the root's own tests. */
  readonly pkg: string;
  readonly area: 'src' | 'test' | 'bin';
  readonly lines: readonly string[];
  readonly items: readonly Node[];
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  lineOf(node: Node): number;
  lineCount(node: Node): number;
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'span' in value;
}

/** A child that must be there. */
export function child(node: Node, key: string): Node | undefined {
  const value = node[key];
  return isNode(value) ? value : undefined;
}

export function children(node: Node, key: string): readonly Node[] {
  const value = node[key];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The arguments of a call or `new`, without swc's wrappers. */
export function argumentsOf(node: Node): readonly Node[] {
  const list = Array.isArray(node['arguments']) ? node['arguments'] : [];
  return list.map((argument: { expression: unknown }) => argument.expression).filter(isNode);
}

/** Calls visit for the node and everything below it, parents first. */
export function walk(node: unknown, visit: (node: Node) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if (isNode(node)) visit(node);
  for (const value of Object.values(node)) walk(value, visit);
}

export function isGlobal(node: Node | undefined, name?: string): boolean {
  if (node?.type !== 'Identifier' || node['ctxt'] !== 1) return false;
  return name === undefined || node['value'] === name;
}

export function nameOf(node: Node | undefined): string {
  return typeof node?.['value'] === 'string' ? node['value'] : '';
}

export function parseSource(file: string, text: string): Source {
  const module = parseSync(text, { syntax: 'typescript', target: 'es2022' });
  const lineStarts = [1];
  for (const [offset, byte] of Buffer.from(text).entries()) {
    if (byte === 10) lineStarts.push(offset + 2);
  }
  const lineAt = (position: number): number => {
    let line = 0;
    while (line < lineStarts.length && (lineStarts[line] ?? 0) <= position) line += 1;
    return line;
  };
  const items = module.body as readonly unknown[] as readonly Node[];
  const lineOf = (node: Node): number => lineAt(node.span.start);
  const match = /^(?:packages\/([^/]+)\/)?(src|test|bin)\//.exec(file);
  return {
    file,
    pkg: match?.[1] ?? '',
    area: (match?.[2] ?? 'src') as Source['area'],
    lines: text.split('\n'),
    items,
    imports: findImports(items, lineOf),
    exports: findExports(items, lineOf),
    lineOf,
    lineCount: (node) => lineAt(node.span.end - 1) - lineOf(node) + 1,
  };
}

function findImports(items: readonly Node[], lineOf: (node: Node) => number): Import[] {
  const found: Import[] = [];
  walk(items, (node) => {
    const target = importTarget(node);
    const specifier = nameOf(target);
    if (specifier === '') return;
    const names = node.type.endsWith('Declaration') ? importedNames(node) : ['*'];
    found.push({ specifier, names, line: lineOf(node) });
  });
  return found;
}

/** The string a node imports from: a declaration, import(), an import type, or new URL('./x'). */
function importTarget(node: Node): Node | undefined {
  if (/^(Import|ExportNamed|ExportAll)Declaration$/.test(node.type)) return child(node, 'source');
  if (node.type === 'TsImportType') return child(node, 'argument');
  if (node.type === 'CallExpression' && child(node, 'callee')?.type === 'Import') {
    return argumentsOf(node)[0];
  }
  const isUrl = node.type === 'NewExpression' && isGlobal(child(node, 'callee'), 'URL');
  const first = isUrl ? argumentsOf(node)[0] : undefined;
  return /^\.\.?\/.*\.[jt]s$/.test(nameOf(first)) ? first : undefined;
}

function importedNames(node: Node): string[] {
  if (node.type === 'ExportAllDeclaration') return ['*'];
  return children(node, 'specifiers').map((specifier) => {
    if (specifier.type.includes('Namespace')) return '*';
    if (specifier.type.includes('Default')) return 'default';
    return nameOf(
      child(specifier, 'imported') ?? child(specifier, 'orig') ?? child(specifier, 'local'),
    );
  });
}

function findExports(items: readonly Node[], lineOf: (node: Node) => number): Export[] {
  return items.flatMap((item) => exportedNames(item).map((name) => ({ name, line: lineOf(item) })));
}

function exportedNames(item: Node): string[] {
  if (item.type.startsWith('ExportDefault')) return ['default'];
  if (item.type === 'ExportNamedDeclaration') {
    return children(item, 'specifiers').map((specifier) =>
      nameOf(child(specifier, 'exported') ?? child(specifier, 'orig') ?? child(specifier, 'name')),
    );
  }
  const declaration = item.type === 'ExportDeclaration' ? child(item, 'declaration') : undefined;
  if (declaration === undefined) return [];
  if (declaration.type !== 'VariableDeclaration') {
    return [nameOf(child(declaration, 'identifier') ?? child(declaration, 'id'))];
  }
  return children(declaration, 'declarations').map((one) => nameOf(child(one, 'id')));
}
