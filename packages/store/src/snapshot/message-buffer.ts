import { StateMachineError } from '../error.js';
import { RESTORE_BUFFER_BYTES_MAX, RESTORE_MESSAGE_BYTES_MAX } from '../limits.js';

const LENGTH_DELIMITED = 2;
const LENGTH_BYTES_MAX = 4;

export interface SnapshotMessage {
  readonly field: number;
  readonly body: Uint8Array;
}

/** Cuts a byte stream that comes in arbitrary pieces into its top-level messages. */
export class MessageBuffer {
  /** Invariant: the sum of the pieces' lengths, minus `offset`. */
  bytes = 0;
  private readonly pieces: Uint8Array[] = [];
  /** Bytes of the first piece that are used up. */
  private offset = 0;

  push(piece: Uint8Array): void {
    if (this.bytes + piece.length > RESTORE_BUFFER_BYTES_MAX) {
      throw new StateMachineError('snapshot bytes are pushed faster than stepped in');
    }
    if (piece.length === 0) return;
    this.pieces.push(piece);
    this.bytes += piece.length;
  }

  /** The next message, if all of it is here. Its body may be a view of a piece. */
  take(): SnapshotMessage | undefined {
    const tag = this.byteAt(0);
    if (tag === undefined) return undefined;
    if (tag % 8 !== LENGTH_DELIMITED || tag >= 0x80) {
      throw new StateMachineError(`snapshot: ${tag} begins no message`);
    }
    let length = 0;
    for (let at = 1; ; at++) {
      if (at > LENGTH_BYTES_MAX) throw new StateMachineError('snapshot: a length is too long');
      const byte = this.byteAt(at);
      if (byte === undefined) return undefined;
      length += (byte & 0x7f) << (7 * (at - 1));
      if (byte >= 0x80) continue;
      return this.takeBody(tag >>> 3, at + 1, length);
    }
  }

  private takeBody(field: number, prefix: number, length: number): SnapshotMessage | undefined {
    if (length > RESTORE_MESSAGE_BYTES_MAX) {
      throw new StateMachineError(`snapshot: a message of ${length} bytes is too large`);
    }
    if (this.bytes < prefix + length) return undefined;
    this.consume(prefix);
    return { field, body: this.consume(length) };
  }

  private byteAt(position: number): number | undefined {
    let at = this.offset + position;
    for (const piece of this.pieces) {
      if (at < piece.length) return piece[at];
      at -= piece.length;
    }
    return undefined;
  }

  private consume(length: number): Uint8Array {
    this.bytes -= length;
    const first = this.pieces[0];
    if (first === undefined) return new Uint8Array(0);
    if (this.offset + length < first.length) {
      const start = this.offset;
      this.offset += length;
      return first.subarray(start, this.offset);
    }
    return this.gather(length);
  }

  /** Bytes that end the first piece or go on in others. */
  private gather(length: number): Uint8Array {
    const whole = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const piece = this.pieces[0];
      if (piece === undefined) throw new StateMachineError('snapshot: bytes are missing');
      const part = piece.subarray(this.offset, this.offset + length - filled);
      whole.set(part, filled);
      filled += part.length;
      this.offset += part.length;
      if (this.offset === piece.length) {
        this.pieces.shift();
        this.offset = 0;
      }
    }
    return whole;
  }
}
