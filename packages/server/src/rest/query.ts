/** Names of query parameters that are numbers or switches; all others are text. */
const integers: ReadonlySet<string> = new Set(['ttl', 'timeout']);
const switches: ReadonlySet<string> = new Set(['keep_ttl']);

const integerPattern = /^(0|[1-9][0-9]{0,15})$/;

/**
 * The query as values for the schemas, which refuse what has the wrong type: an integer is written
 * in digits only, a switch is on when it is there (`?keep_ttl`) or `=true`. A name that comes
 * twice is a list, which no schema takes.
 */
export function parseQuery(text: string): Record<string, unknown> {
  const values = new Map<string, unknown>();
  for (const [name, value] of new URLSearchParams(text)) {
    const parsed = parsedValue(name, value);
    values.set(name, values.has(name) ? [values.get(name), parsed] : parsed);
  }
  return Object.fromEntries(values);
}

function parsedValue(name: string, value: string): unknown {
  if (integers.has(name)) return integerPattern.test(value) ? Number(value) : value;
  if (!switches.has(name)) return value;
  if (value === '' || value === 'true') return true;
  return value === 'false' ? false : value;
}
