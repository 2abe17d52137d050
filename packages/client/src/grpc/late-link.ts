import type { SessionRequest } from '@cashe/codec';
import type { Link, LinkFailure, LinkHandler } from '../core/ports.js';

/** A link that opens once what it needs is there; what is sent before (the hello) waits. */
export class LateLink implements Link {
  #link: Link | undefined;
  #held: SessionRequest[] = [];
  #isClosed = false;

  constructor(opened: Promise<Link>, handler: LinkHandler, failureOf: (e: unknown) => LinkFailure) {
    opened.then(
      (link) => this.#open(link),
      (error: unknown) => {
        if (!this.#isClosed) handler.onClosed(failureOf(error));
        this.#isClosed = true;
      },
    );
  }

  get writable(): boolean {
    return this.#link?.writable ?? true;
  }

  send(request: SessionRequest): void {
    if (this.#link !== undefined) this.#link.send(request);
    else if (!this.#isClosed) this.#held.push(request);
  }

  watchTopology(): void {
    this.#link?.watchTopology();
  }

  close(): void {
    this.#isClosed = true;
    this.#held = [];
    this.#link?.close();
  }

  #open(link: Link): void {
    if (this.#isClosed) {
      link.close();
      return;
    }
    this.#link = link;
    const held = this.#held;
    this.#held = [];
    for (const request of held) link.send(request);
  }
}
