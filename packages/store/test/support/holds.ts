import * as fc from 'fast-check';

/** fc.assert for synchronous properties: its type tells linters that no promise is left behind. */
export function holds<T>(property: fc.IProperty<T>, parameters?: fc.Parameters<T>): void {
  // The overload for synchronous properties returns nothing to wait for.
  void fc.assert(property, parameters);
}
