/**
 * Thrown where only corruption, a newer format or a bug explains the input. The state machine may
 * have been changed in part and must not be used any more: the node stops (R11).
 */
export class StateMachineError extends Error {
  override readonly name = 'StateMachineError';
}
