/**
 * Carries what one socket receives to another, over a wire. Bytes wait in a bounded queue and, once
 * that is full, in the sender: the socket is not read any more (R35). The end of a connection
 * travels like its bytes: who is behind a held wire does not hear of it.
 */
import type { Socket } from 'node:net';
import type { Wire } from './wire.js';

export const pipeBytesMax: number = 1024 * 1024;

type Parcel = { readonly dueMs: number } & (
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'end' | 'break' }
);

export class Pipe {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #wire: Wire;
  readonly #parcels: Parcel[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isSinkFull = false;
  #isOver = false;

  /** Lives until the end of the connection was delivered, or one calls `close`. */
  constructor(source: Socket, sink: Socket, wire: Wire) {
    this.#source = source;
    this.#sink = sink;
    this.#wire = wire;
    wire.add(this);
    source.on('data', (bytes: Buffer) => this.#take({ kind: 'bytes', bytes, dueMs: this.#due() }));
    source.once('end', () => this.#take({ kind: 'end', dueMs: this.#due() }));
    source.once('error', () => this.#take({ kind: 'break', dueMs: this.#due() }));
    source.once('close', () => this.#take({ kind: 'end', dueMs: this.#due() }));
    sink.on('drain', () => {
      this.#isSinkFull = false;
      this.#move();
    });
    this.#move();
  }

  onWireChange(): void {
    this.#move();
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#wire.remove(this);
    this.#parcels.length = 0;
  }

  #due(): number {
    return performance.now() + this.#wire.delayMs;
  }

  #take(parcel: Parcel): void {
    if (this.#isOver) return;
    this.#parcels.push(parcel);
    if (parcel.kind === 'bytes') this.#bytes += parcel.bytes.length;
    this.#move();
  }

  #move(): void {
    clearTimeout(this.#timer);
    while (!this.#isOver && !this.#wire.isHeld && !this.#isSinkFull) {
      const parcel = this.#parcels[0];
      if (parcel === undefined) break;
      // A wire that was restored does not delay what was late before either.
      const waitMs = this.#wire.delayMs === 0 ? 0 : parcel.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#move(), Math.ceil(waitMs));
        break;
      }
      this.#parcels.shift();
      this.#deliver(parcel);
    }
    this.#readOrWait();
  }

  #deliver(parcel: Parcel): void {
    switch (parcel.kind) {
      case 'bytes':
        this.#bytes -= parcel.bytes.length;
        if (!this.#sink.destroyed) this.#isSinkFull = !this.#sink.write(parcel.bytes);
        return;
      case 'end':
        this.close();
        this.#sink.end();
        return;
      case 'break':
        this.close();
        // Not resetAndDestroy: it first waits until everything written has left.
        this.#sink.destroy();
    }
  }

  #readOrWait(): void {
    const mayRead = !this.#wire.isHeld && this.#bytes < pipeBytesMax;
    if (mayRead) this.#source.resume();
    else this.#source.pause();
  }
}
