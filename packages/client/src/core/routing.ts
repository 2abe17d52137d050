import type { GroupLeader } from '@cashe/codec';

/** Who leads each group, from what nodes push (R31). A hint: the highest term wins (R24). */
export class LeaderTable {
  readonly #leaders = new Map<number, GroupLeader>();

  /** True when this names a leader of a newer term, or the first one of the known term. */
  observe(push: GroupLeader): boolean {
    const known = this.#leaders.get(push.group);
    if (known !== undefined) {
      if (push.term < known.term) return false;
      if (push.term === known.term && (known.nodeId !== '' || push.nodeId === '')) return false;
    }
    this.#leaders.set(push.group, push);
    return push.nodeId !== '';
  }

  /** Undefined while none is known. */
  leaderOf(group: number): GroupLeader | undefined {
    const leader = this.#leaders.get(group);
    return leader === undefined || leader.nodeId === '' ? undefined : leader;
  }

  /** 0 before the first push. */
  termOf(group: number): number {
    return this.#leaders.get(group)?.term ?? 0;
  }

  all(): GroupLeader[] {
    return [...this.#leaders.values()];
  }
}
