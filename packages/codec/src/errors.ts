/** Thrown when bytes are not what their format says. The message names the field or the rule. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}
