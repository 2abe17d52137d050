/** One direction between two places: every byte that goes that way obeys it. */
interface WireUser {
  /** The wire let go of bytes, or delays others. */
  onWireChange(): void;
}

export class Wire {
  #isHeld = false;
  #delayMs = 0;
  readonly #users: Set<WireUser> = new Set();

  /** True: nothing gets through, and nobody is told. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  get delayMs(): number {
    return this.#delayMs;
  }

  add(user: WireUser): void {
    this.#users.add(user);
  }

  remove(user: WireUser): void {
    this.#users.delete(user);
  }

  hold(): void {
    this.#isHeld = true;
    this.#tell();
  }

  delay(ms: number): void {
    this.#delayMs = ms;
    this.#tell();
  }

  /** What was held or delayed goes on at once, in order. */
  restore(): void {
    this.#isHeld = false;
    this.#delayMs = 0;
    this.#tell();
  }

  #tell(): void {
    for (const user of [...this.#users]) user.onWireChange();
  }
}
