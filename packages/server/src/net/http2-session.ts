/** The connection a call of a grpc-js server came on; checked, since grpc-js does not offer it. */

/** The same object for every call of one connection; undefined when this grpc-js hides it. */
export function sessionOf(call: object): object | undefined {
  let inner = propertyOf(call, 'call');
  // Interceptors wrap what carries the stream.
  for (let depth = 0; depth < DEPTH_MAX && inner !== undefined; depth++) {
    const session = propertyOf(propertyOf(inner, 'stream'), 'session');
    if (typeof session === 'object' && session !== null) return session;
    inner = propertyOf(inner, 'nextCall');
  }
  return undefined;
}

const DEPTH_MAX = 8;

export function socketOf(session: object): unknown {
  return propertyOf(session, 'socket');
}

function propertyOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Reflect.get(value, name);
}
