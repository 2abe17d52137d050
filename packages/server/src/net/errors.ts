/** Another process holds the address. */
export class AddressInUseError extends Error {
  override readonly name = 'AddressInUseError';
  readonly address: string;

  constructor(address: string, cause: unknown) {
    super(`${address} is in use by another process`, { cause });
    this.address = address;
  }
}

/** The address cannot be bound for another reason. */
export class BindError extends Error {
  override readonly name = 'BindError';
  readonly address: string;

  constructor(address: string, cause: unknown) {
    super(`cannot listen on ${address}: ${errorText(cause)}`, { cause });
    this.address = address;
  }
}

/** The text of whatever was thrown; Node's own errors need not be instances of our Error. */
export function errorText(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) {
    return String(error.message);
  }
  return String(error);
}

/** `EADDRINUSE` and the like; undefined where there is none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
