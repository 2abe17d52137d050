import { RECENCY_HINTS_MAX } from '@cashe/codec';

const NONE = -1;

/**
 * What the leader read since it last attached hints to an entry (R18): the RECENCY_HINTS_MAX most
 * recently read distinct keys. Beyond that the oldest is forgotten. Slots are linked in order of
 * last read, so that noting a key costs one look-up whatever was noted before.
 */
export class RecencyHints {
  private readonly slots = new Map<string, number>();
  private readonly keys: string[] = [];
  private readonly older = new Int32Array(RECENCY_HINTS_MAX).fill(NONE);
  private readonly newer = new Int32Array(RECENCY_HINTS_MAX).fill(NONE);
  private oldest = NONE;
  private newest = NONE;

  get size(): number {
    return this.slots.size;
  }

  note(key: string): void {
    let slot = this.slots.get(key);
    if (slot === undefined) slot = this.claim(key);
    else if (slot === this.newest) return;
    else this.unlink(slot);
    this.older[slot] = this.newest;
    this.newer[slot] = NONE;
    if (this.newest === NONE) this.oldest = slot;
    else this.newer[this.newest] = slot;
    this.newest = slot;
  }

  /** The keys in order of last read, the latest last; none of them is kept. */
  take(): string[] {
    const taken: string[] = [];
    for (let slot = this.oldest; slot !== NONE; slot = this.newer[slot]!) {
      taken.push(this.keys[slot]!);
    }
    this.slots.clear();
    this.keys.length = 0;
    this.oldest = NONE;
    this.newest = NONE;
    return taken;
  }

  private claim(key: string): number {
    let slot = this.keys.length;
    if (slot === RECENCY_HINTS_MAX) {
      slot = this.oldest;
      this.slots.delete(this.keys[slot]!);
      this.unlink(slot);
    }
    this.keys[slot] = key;
    this.slots.set(key, slot);
    return slot;
  }

  private unlink(slot: number): void {
    const older = this.older[slot]!;
    const newer = this.newer[slot]!;
    if (older === NONE) this.oldest = newer;
    else this.newer[older] = newer;
    if (newer === NONE) this.newest = older;
    else this.older[newer] = older;
  }
}
