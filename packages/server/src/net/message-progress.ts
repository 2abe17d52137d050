/** How far a stream is into a gRPC message, from the length prefixes of its bytes alone. */
import type { Buffer } from 'node:buffer';

const prefixBytes = 5;

export class MessageProgress {
  /** Bytes of the message that has begun and is not complete; 0 between messages. */
  bytes = 0;
  #prefixSeen = 0;
  #length = 0;
  #missing = 0;

  take(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#missing > 0) {
        const taken = Math.min(this.#missing, chunk.length - at);
        this.#missing -= taken;
        this.bytes += taken;
        at += taken;
        if (this.#missing === 0) this.bytes = 0;
      } else {
        this.#takePrefix(chunk.readUInt8(at));
        at += 1;
      }
    }
  }

  /** A flag, then the length of the message in four bytes. */
  #takePrefix(byte: number): void {
    this.#length = this.#prefixSeen === 0 ? 0 : this.#length * 256 + byte;
    this.#prefixSeen += 1;
    this.bytes += 1;
    if (this.#prefixSeen < prefixBytes) return;
    this.#prefixSeen = 0;
    this.#missing = this.#length;
    if (this.#missing === 0) this.bytes = 0;
  }
}
