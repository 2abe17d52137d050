import { Code } from './code.js';
import { KEY_BYTES_MAX } from './limits.js';
import { isWellFormed, utf8Bytes } from './utf8.js';

/** Why something is refused: a code and a sentence for people. */
export interface Refusal {
  readonly code: Code;
  readonly message: string;
}

/** Bytes of the key in UTF-8. */
export function keyBytesOf(key: string): number {
  return utf8Bytes(key);
}

/** R20: 1 to 1,024 bytes of UTF-8, no lone surrogate. Undefined when the key is good. */
export function validateKey(key: string): Refusal | undefined {
  const bytes = utf8Bytes(key);
  if (bytes === 0) return { code: Code.INVALID_ARGUMENT, message: 'the key is empty' };
  if (bytes > KEY_BYTES_MAX) {
    const message = `the key has ${bytes} bytes, more than ${KEY_BYTES_MAX}`;
    return { code: Code.TOO_LARGE, message };
  }
  if (bytes !== key.length && !isWellFormed(key)) {
    return { code: Code.INVALID_ARGUMENT, message: 'the key has a lone surrogate' };
  }
  return undefined;
}
