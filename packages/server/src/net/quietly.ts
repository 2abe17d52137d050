const quietMs = 10_000;

/**
 * Calls `tell` at once, and then at most once in 10 s: whoever floods a port must not flood the
 * log too.
 */
export function quietly<Values extends readonly unknown[]>(
  tell: (...values: Values) => void,
): (...values: Values) => void {
  let toldMs = Number.NEGATIVE_INFINITY;
  return (...values) => {
    const nowMs = performance.now();
    if (nowMs - toldMs < quietMs) return;
    toldMs = nowMs;
    tell(...values);
  };
}
