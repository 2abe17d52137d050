/** A set of callbacks; each removes itself with the function it got. Bounded by its callers. */
export class Listeners<Value> {
  readonly #listeners: Set<(value: Value) => void> = new Set();

  add(listener: (value: Value) => void): () => void {
    // Wrapped, so that one function added twice is called and removed twice.
    const entry = (value: Value): void => listener(value);
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  emit(value: Value): void {
    for (const listener of [...this.#listeners]) listener(value);
  }
}
