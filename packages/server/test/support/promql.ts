/** The metric names in a PromQL expression; conservative: what is not known otherwise is a name. */

const keywords = new Set([
  ...['by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'offset', 'bool'],
  ...['and', 'or', 'unless', 'inf', 'nan'],
]);
const labelLists = /\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/gi;

export function metricNames(expression: string): readonly string[] {
  const bare = expression
    .replace(/"(\\.|[^"\\])*"|'(\\.|[^'\\])*'|`[^`]*`/g, '""')
    .replace(/\{[^}]*\}/g, ' ')
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(labelLists, ' ');
  const names = [...bare.matchAll(/(?<![\w:.$])[A-Za-z_:][\w:]*(?!\s*\(|[\w:])/g)].map(
    ([name]) => name,
  );
  return [...new Set(names.filter((name) => !keywords.has(name.toLowerCase())))];
}

/** The labels that an expression matches on or groups by. */
export function labelNames(expression: string): readonly string[] {
  const matched = [...expression.matchAll(/[{,]\s*([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"/g)];
  const grouped = [...expression.matchAll(labelLists)].flatMap(([list]) =>
    list
      .replace(/^[^(]*\(|\)$/g, '')
      .split(',')
      .map((name) => name.trim()),
  );
  return [...new Set([...matched.map(([, name]) => name ?? ''), ...grouped])];
}
