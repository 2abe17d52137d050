/**
 * Traps for faults that must strike at one moment of the protocol: right after a vote was answered,
 * between two acknowledgements, in the middle of a snapshot.
 */
import type { PeerMessage } from '@cashe/server/host';
import type { SimulatedNode } from './simulated-node.js';

/** More than this many wait at a time only when nothing they wait for happens: the oldest goes. */
const TRAPS_MAX = 16;

export interface TrapEvent {
  /** `sent`: by `from`, just before it travels; `delivered`: it is in the inbox of `to`. */
  readonly kind: 'sent' | 'delivered';
  readonly from: SimulatedNode;
  readonly to: SimulatedNode;
  readonly message: PeerMessage;
}

interface Trap {
  matches(event: TrapEvent): boolean;
  /** Runs inside the turn or delivery in which it sprang: that node must not be ended there. */
  spring(event: TrapEvent): void;
}

export class Traps {
  #armed: Trap[] = [];

  arm(trap: Trap): void {
    this.#armed.push(trap);
    if (this.#armed.length > TRAPS_MAX) this.#armed.shift();
  }

  disarmAll(): void {
    this.#armed = [];
  }

  notice(event: TrapEvent): void {
    if (this.#armed.length === 0) return;
    const sprung = this.#armed.find((trap) => trap.matches(event));
    if (sprung === undefined) return;
    this.#armed = this.#armed.filter((trap) => trap !== sprung);
    sprung.spring(event);
  }
}
