const LENGTH_MAX = 64;

/** A name or key in an error: cut, since a batch may be refused a thousand of them. */
export function quoted(text: string): string {
  if (text.length <= LENGTH_MAX) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, LENGTH_MAX))}…`;
}
