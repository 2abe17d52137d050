/** The first keys of an endless generator. */
export function first(count: number, keys: Iterable<string>): string[] {
  const taken: string[] = [];
  for (const key of keys) {
    if (taken.length === count) break;
    taken.push(key);
  }
  return taken;
}
