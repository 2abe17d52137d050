type FailureKind = 'safety' | 'liveness' | 'crash';

/** A run refuted the system: what was seen, and when. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure';
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}
