// The names of tests, and what they cite in parentheses: `(section 8, thesis 6.4, R4, B1)`.
import { argumentsOf, children, isNode, type Node, nameOf, type Source } from './source.js';
import { calleeName } from './syntax.js';

/** Every test of the file by its whole name: those of the describes around it, then its own. */
export function testTitles(source: Source): string[] {
  const found: string[] = [];
  const visit = (value: unknown, prefix: string): void => {
    if (typeof value !== 'object' || value === null) return;
    const callee = isNode(value) && value.type === 'CallExpression' ? calleeName(value) : '';
    const title = isNode(value) ? titleOf(argumentsOf(value)[0]) : '';
    const inDescribe = /^describe\b/.test(callee) && title !== '';
    if (/^(it|test)\b/.test(callee) && title !== '') found.push(`${prefix}${title}`);
    const inner = inDescribe ? `${prefix}${title} ` : prefix;
    for (const item of Object.values(value)) visit(item, inner);
  };
  visit(source.items, '');
  return found;
}

/** A string, or the fixed parts of a template. */
function titleOf(node: Node | undefined): string {
  if (node?.type === 'StringLiteral') return nameOf(node);
  if (node?.type !== 'TemplateLiteral') return '';
  return children(node, 'quasis')
    .map((part) => String(part['raw'] ?? part['cooked'] ?? ''))
    .join('…');
}

/** `R4`, `8` (of the paper), `thesis 6.4`, `Figure 3`; a bare number goes on as the one before. */
export function citationsOf(title: string): string[] {
  const found: string[] = [];
  for (const [, group] of title.matchAll(/\(([^()]*)\)/g)) {
    let source = '';
    for (const item of (group ?? '').split(', ')) {
      const [, named, number] =
        /^(?:(sections?|thesis|Figures?) )?(\d[\d.]*|[RB]\d+)$/.exec(item) ?? [];
      if (number === undefined) continue;
      if (named !== undefined) source = named.replace(/s$/, '').replace('section', '');
      if (named === 'thesis') source = 'thesis';
      found.push(/^[RB]/.test(number) ? number : `${source} ${number}`.trim());
    }
  }
  return found;
}
