const pollMs = 20;

/** Polls until there is a value. Rejects after the bound with what `poll` last complained of. */
export async function waitUntil<T>(
  what: string,
  timeoutMs: number,
  poll: () => Promise<T | undefined>,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const value = await poll();
      if (value !== undefined) return value;
    } catch (error) {
      cause = error; // Not yet: a node that starts or stops answers with errors.
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  } while (performance.now() < deadlineMs);
  throw new Error(`waited ${timeoutMs} ms in vain: ${what}`, { cause });
}
