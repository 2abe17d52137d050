/**
 * A list in order of last use that can be sealed in O(1) and scanned as it was at the seal while
 * it goes on changing.
 *
 * Every node carries the stamp of its last move; stamps only grow, so list order is stamp order
 * and `scanned < stamp <= boundary` says in O(1) that a node belongs to the seal and was not
 * scanned yet. Such a node is a pre-image: before its owner changes, moves or removes it, it is
 * left in its place as a ghost, whose fields never change again, and what lives on is a clone. The
 * scan goes from the cold end to the boundary, returns ghosts and live nodes and unlinks ghosts as
 * it passes. A clone that keeps its ghost's place has the ghost's stamp and stands behind it: only
 * the first node of a stamp is returned.
 *
 * Ghosts left over when a seal is given up belong to no later one; `sweep` drops them in bounded
 * steps, and a later scan passes over those it meets.
 */
export interface Linked<N> {
  prev: N | undefined;
  next: N | undefined;
  /** Invariant: strictly grows from the cold end to the hot end, but for a ghost and its clone. */
  stamp: number;
  /** 0: live; else the number of the seal that keeps it as a pre-image. */
  ghostOf: number;
}

export class SealableList<N extends Linked<N>> {
  /** The latest stamp given. */
  moves: number;
  private head: N | undefined = undefined;
  private tail: N | undefined = undefined;
  /** Invariant: no live node is colder. */
  private coldestCursor: N | undefined = undefined;
  private sealing = false;
  private sealNumber = 0;
  private boundary = 0;
  private scanned = 0;
  /** The next node of the scan, or of the sweep after `unseal`. */
  private scanCursor: N | undefined = undefined;
  private walkCursor: N | undefined = undefined;
  private ghosts = 0;

  constructor(moves: number) {
    this.moves = moves;
  }

  get ghostCount(): number {
    return this.ghosts;
  }

  get isSealed(): boolean {
    return this.sealing;
  }

  first(): N | undefined {
    return this.head;
  }

  /** The live node that was not used for the longest time. */
  coldest(): N | undefined {
    let node = this.coldestCursor;
    while (node !== undefined && node.ghostOf !== 0) node = node.next;
    this.coldestCursor = node;
    return node;
  }

  liveAfter(node: N): N | undefined {
    let { next } = node;
    while (next !== undefined && next.ghostOf !== 0) next = next.next;
    return next;
  }

  /** Links a node at the hot end with a new stamp. */
  append(node: N): void {
    node.stamp = ++this.moves;
    this.link(node);
  }

  /** Links a node of a snapshot, which has its stamp. */
  appendRestored(node: N): boolean {
    if (node.stamp > this.moves) return false;
    if (this.tail !== undefined && node.stamp <= this.tail.stamp) return false;
    this.link(node);
    return true;
  }

  unlink(node: N): void {
    const { prev, next } = node;
    if (node === this.coldestCursor) this.coldestCursor = next;
    if (node === this.scanCursor) this.scanCursor = next;
    if (node === this.walkCursor) this.walkCursor = next;
    if (prev === undefined) this.head = next;
    else prev.next = next;
    if (next === undefined) this.tail = prev;
    else next.prev = prev;
    node.prev = undefined;
    node.next = undefined;
  }

  /** Whether the node must be left as a ghost instead of being changed, moved or unlinked. */
  isPreImage(node: N): boolean {
    return this.sealing && node.stamp <= this.boundary && node.stamp > this.scanned;
  }

  leaveGhost(node: N): void {
    node.ghostOf = this.sealNumber;
    this.ghosts++;
  }

  /** Links the clone of a ghost in the ghost's place: same stamp, right behind it. */
  insertBehind(ghost: N, clone: N): void {
    const { next } = ghost;
    clone.stamp = ghost.stamp;
    clone.prev = ghost;
    clone.next = next;
    ghost.next = clone;
    if (next === undefined) this.tail = clone;
    else next.prev = clone;
  }

  /** A second cursor, for the owner's own bounded walks from the cold end. */
  startWalk(): void {
    this.walkCursor = this.head;
  }

  /** For a restored list: the walk goes on at the first node this is called with. */
  continueWalk(node: N): void {
    this.walkCursor ??= node;
  }

  /** The walk's next live node with a stamp up to `stampMax`; undefined when there is none. */
  nextWalk(stampMax: number): N | undefined {
    let node = this.walkCursor;
    while (node !== undefined && node.ghostOf !== 0) node = node.next;
    const found = node !== undefined && node.stamp <= stampMax;
    this.walkCursor = found ? node?.next : node;
    return found ? node : undefined;
  }

  seal(): void {
    this.sealing = true;
    this.sealNumber++;
    this.boundary = this.moves;
    this.scanned = 0;
    this.scanCursor = this.head;
  }

  /** The next node of the sealed state, cold to hot; undefined once all were returned. */
  nextSealed(): N | undefined {
    let node = this.scanCursor;
    while (this.sealing && node !== undefined && node.stamp <= this.boundary) {
      const { ghostOf, stamp, next } = node;
      this.scanCursor = next;
      if (ghostOf !== 0) this.dropGhost(node);
      if (stamp > this.scanned && (ghostOf === 0 || ghostOf === this.sealNumber)) {
        this.scanned = stamp;
        return node;
      }
      node = next;
    }
    this.sealing = false;
    this.scanCursor = undefined;
    return undefined;
  }

  unseal(): void {
    this.sealing = false;
  }

  /** Visits at most `visitsMax` nodes to drop the ghosts of a seal that was given up. */
  sweep(visitsMax: number): void {
    if (this.sealing || this.scanCursor === undefined) return;
    let node: N | undefined = this.scanCursor;
    for (let visits = 0; visits < visitsMax && node !== undefined && this.ghosts > 0; visits++) {
      const next: N | undefined = node.next;
      if (node.ghostOf !== 0) this.dropGhost(node);
      node = next;
    }
    this.scanCursor = this.ghosts > 0 ? node : undefined;
  }

  private dropGhost(node: N): void {
    this.unlink(node);
    this.ghosts--;
  }

  private link(node: N): void {
    const { tail } = this;
    node.prev = tail;
    node.next = undefined;
    if (tail === undefined) this.head = node;
    else tail.next = node;
    this.tail = node;
    if (this.coldestCursor === undefined) this.coldestCursor = node;
  }
}
