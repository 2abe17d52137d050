import type { ReadAnswer, SessionAnswer, WriteAnswer } from '@cashe/codec';
import type { NumberedBatch, ReadBatchCalls } from './batch.js';

export type Answer = WriteAnswer | ReadAnswer | SessionAnswer;

/** Hears exactly one of onAnswer and onLost for each transmission, and onSilent before at most. */
export interface TransmissionOwner {
  onAnswer(transmission: Transmission, answer: Answer): void;
  /** The link ended first. */
  onLost(transmission: Transmission): void;
  /** The link has been silent for long and another one is ready. */
  onSilent(transmission: Transmission): void;
}

/** One message on one link that will be answered. */
export interface Transmission {
  /** Unique in the core and rising, so that earlier and later can be told. */
  readonly id: number;
  readonly owner: TransmissionOwner;
  /** undefined: it opens or closes a session. */
  readonly batch: NumberedBatch | ReadBatchCalls | undefined;
  /** What counts against the server's grant. */
  readonly bytes: number;
  readonly sentMs: number;
}
