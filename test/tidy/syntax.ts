// Rules that look at one file at a time. Each returns what it objects to, as `file:line what`.
import {
  argumentsOf,
  child,
  children,
  isGlobal,
  type Node,
  nameOf,
  type Source,
  walk,
} from './source.js';

type Objection = (node: Node) => string | undefined;

/** Walks the file and collects what objects. */
function collect(source: Source, object: Objection): string[] {
  const found: string[] = [];
  walk(source.items, (node) => {
    const what = object(node);
    if (what !== undefined) found.push(`${source.file}:${source.lineOf(node)} ${what}`);
  });
  return found;
}

export function longLines(source: Source, max: number): string[] {
  return source.lines.flatMap((line, index) =>
    line.length > max ? [`${source.file}:${index + 1} ${line.length} characters`] : [],
  );
}

export function longFile(source: Source, max: number): string[] {
  const count = source.lines.length - (source.lines.at(-1) === '' ? 1 : 0);
  return count > max ? [`${source.file}:${count} ${count} lines`] : [];
}

const isFunction = /^(Function(Declaration|Expression)|ArrowFunctionExpression|Constructor)$/;
const isMethod = /^(ClassMethod|PrivateMethod|MethodProperty|GetterProperty|SetterProperty)$/;

/** Functions above the limit; the callback of a describe() is a list, not a function. */
export function longFunctions(source: Source, max: number): string[] {
  const lists = new Set<Node>();
  return collect(source, (node) => {
    if (node.type === 'CallExpression' && /^describe\b/.test(calleeName(node))) {
      for (const argument of argumentsOf(node)) lists.add(argument);
    }
    if (lists.has(node) || !(isFunction.test(node.type) || isMethod.test(node.type)))
      return undefined;
    const count = source.lineCount(node);
    return count > max ? `function of ${count} lines` : undefined;
  });
}

/** `describe.each` for `describe.each(…)(…)`; '' when the callee is no plain name. */
export function calleeName(node: Node): string {
  const callee = child(node, 'callee') ?? child(node, 'tag');
  if (callee?.type === 'CallExpression' || callee?.type === 'TaggedTemplateExpression') {
    return calleeName(callee);
  }
  if (callee?.type !== 'MemberExpression') return nameOf(callee);
  return `${nameOf(child(callee, 'object'))}.${nameOf(child(callee, 'property'))}`;
}

const impureNames =
  /^(Date|Promise|WeakRef|FinalizationRegistry|Intl|Buffer|Text(En|De)coder|globalThis|require)$/;
const impureObjects = /^(process|console|performance|crypto|fetch|queueMicrotask)$/;
const impureTimers = /^set(Timeout|Interval|Immediate)$/;
const impureMember = /^(localeCompare|toLocale(String|UpperCase|LowerCase|DateString|TimeString))$/;

/** Clocks, timers, promises, randomness, locale, Node: nothing a replicated computation may see. */
export function impurities(source: Source): string[] {
  return collect(source, (node) => {
    if (isGlobal(node) && isImpure(nameOf(node))) return nameOf(node);
    if (node['async'] === true || isAsyncMethod(node)) return 'async';
    if (node.type === 'AwaitExpression' || node['await'] === true) return 'await';
    const property = node.type === 'MemberExpression' ? nameOf(child(node, 'property')) : '';
    if (impureMember.test(property)) return property;
    if (property === 'random' && isGlobal(child(node, 'object'), 'Math')) return 'Math.random';
    const pattern = node.type === 'VariableDeclarator' && isGlobal(child(node, 'init'), 'Math');
    const keys = pattern ? children(child(node, 'id') ?? node, 'properties') : [];
    return keys.some((key) => nameOf(child(key, 'key')) === 'random') ? 'Math.random' : undefined;
  });
}

function isImpure(name: string): boolean {
  return [impureNames, impureObjects, impureTimers].some((pattern) => pattern.test(name));
}

function isAsyncMethod(node: Node): boolean {
  const inner = node['function']; // swc gives a method's function no type.
  return typeof inner === 'object' && inner !== null && 'async' in inner && inner.async === true;
}

/** let or var at module level, a mutable collection there, a static field that is not readonly. */
export function moduleState(source: Source): string[] {
  const declarations = source.items
    .map((item) =>
      item.type === 'ExportDeclaration' ? (child(item, 'declaration') ?? item) : item,
    )
    .filter((item) => item.type === 'VariableDeclaration' && item['declare'] !== true)
    .filter((item) => item['kind'] !== 'const' || children(item, 'declarations').some(isCollection))
    .map((item) => `${source.file}:${source.lineOf(item)} ${item['kind']} at module level`);
  const fields = collect(source, (node) =>
    node.type.endsWith('Property') && node['isStatic'] === true && node['readonly'] !== true
      ? 'static field that is not readonly'
      : undefined,
  );
  return [...declarations, ...fields];
}

/** const x = new Map() without a ReadonlyMap annotation, and the same for Set. */
function isCollection(declarator: Node): boolean {
  const init = child(declarator, 'init');
  if (init?.type !== 'NewExpression' || !/^(Map|Set)$/.test(nameOf(child(init, 'callee'))))
    return false;
  const annotation = child(child(declarator, 'id') ?? declarator, 'typeAnnotation');
  const type = annotation && child(annotation, 'typeAnnotation');
  return !/^Readonly(Map|Set)$/.test(nameOf(type && child(type, 'typeName')));
}

export function consoleUses(source: Source): string[] {
  return collect(source, (node) => (isGlobal(node, 'console') ? 'console' : undefined));
}

const bannedSyntax: ReadonlyMap<string, string> = new Map([
  ['ExportDefaultDeclaration', 'default export'],
  ['ExportDefaultExpression', 'default export'],
  ['ExportAllDeclaration', 'export *'],
  ['ExportNamespaceSpecifier', 'export *'],
  ['TsEnumDeclaration', 'enum'],
  ['TsModuleDeclaration', 'namespace'],
  ['Decorator', 'decorator'],
]);

export function bannedConstructs(source: Source): string[] {
  return collect(source, (node) => {
    if (node.type === 'TsKeywordType' && node['kind'] === 'any') return 'any';
    if (node.type === 'ExportSpecifier') {
      return nameOf(child(node, 'exported')) === 'default' ? 'default export' : undefined;
    }
    if (node.type !== 'TsAsExpression') return bannedSyntax.get(node.type);
    const inner = child(node, 'expression');
    const type = inner?.type === 'TsAsExpression' ? child(inner, 'typeAnnotation') : undefined;
    return type?.['kind'] === 'unknown' ? 'as unknown as' : undefined;
  });
}

/** Tests that do not run, or that keep others from running. */
export function switchedOffTests(source: Source): string[] {
  return collect(source, (node) => {
    if (node.type === 'CallExpression' && /^([fx](it|describe)|xtest)$/.test(calleeName(node))) {
      return calleeName(node);
    }
    const property = node.type === 'MemberExpression' ? nameOf(child(node, 'property')) : '';
    if (!/^(only|skip|todo|failing)$/.test(property)) return undefined;
    let object = child(node, 'object');
    while (object?.type === 'MemberExpression') object = child(object, 'object');
    return /^(it|test|describe)$/.test(nameOf(object)) ? `.${property}` : undefined;
  });
}

/** Promises that only wait for time to pass: new Promise((resolve) => setTimeout(resolve, …)). */
export function sleeps(source: Source): string[] {
  const imported = source.imports
    .filter(({ specifier }) => /^(node:)?timers\/promises$/.test(specifier))
    .map(({ line, specifier }) => `${source.file}:${line} ${specifier}`);
  const promised = collect(source, (node) => {
    if (node.type !== 'NewExpression' || !isGlobal(child(node, 'callee'), 'Promise'))
      return undefined;
    const executor = argumentsOf(node)[0];
    const first = executor && children(executor, 'params')[0];
    const resolve = nameOf(first?.type === 'Parameter' ? child(first, 'pat') : first);
    return executor && resolve !== '' && waitsFor(executor, resolve) ? 'sleep' : undefined;
  });
  return [...imported, ...promised];
}

/** True when a setTimeout below the node does nothing but call the function of that name. */
function waitsFor(executor: Node, resolve: string): boolean {
  let waits = false;
  walk(executor, (node) => {
    if (node.type !== 'CallExpression' || !isGlobal(child(node, 'callee'), 'setTimeout')) return;
    const callback = argumentsOf(node)[0];
    const body = callback && child(callback, 'body');
    const call = body?.type === 'FunctionBody' ? statementOf(body) : body;
    const called = call?.type === 'CallExpression' ? calleeName(call) : nameOf(callback);
    waits ||= called === resolve;
  });
  return waits;
}

function statementOf(block: Node): Node | undefined {
  const statements = children(block, 'stmts');
  return statements.length === 1 && statements[0] ? child(statements[0], 'expression') : undefined;
}
