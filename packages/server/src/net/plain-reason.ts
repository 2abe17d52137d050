/**
 * Why a connection or a call failed, in words for people. grpc-js wraps Node's error codes in
 * sentences about its own parts, with the address and the time of day in them; what a server of
 * ours said is left as it is.
 */
const words: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset'],
  ['EPIPE', 'connection reset'],
  ['ETIMEDOUT', 'timed out'],
  ['EHOSTUNREACH', 'host unreachable'],
  ['ENETUNREACH', 'network unreachable'],
  ['EADDRNOTAVAIL', 'no local address left to connect from'],
  ['ENOTFOUND', 'unknown host name'],
  ['EAI_AGAIN', 'the host name could not be looked up'],
]);

/** The details of a gRPC status, or the message of a socket's error. Equal reasons stay equal. */
export function plainReason(details: string): string {
  const text = details.replaceAll(timeOfDay, '');
  const wrapped = noConnection.exec(text);
  if (wrapped !== null) return socketReason(wrapped[1] ?? '') ?? 'no connection';
  if (text.startsWith('Deadline exceeded')) return 'timed out';
  if (text.startsWith('Name resolution failed')) return 'unknown host name';
  if (text === 'Connection dropped') return 'connection lost';
  return coded(text) ?? text;
}

const timeOfDay = / ?\([0-9T:.-]+Z\)/g;
const noConnection =
  /^No connection established(?:\. Last error: (.*?)(?:\. Resolution note: .*)?)?$/s;

/** undefined when nothing is known. */
function socketReason(text: string): string | undefined {
  const reason = text.replace(/^Error: /, '');
  if (reason === '' || reason === 'null') return undefined;
  return coded(reason) ?? reason;
}

function coded(text: string): string | undefined {
  const code = /\b(?:connect|read|write|getaddrinfo) (E[A-Z_]+)\b/.exec(text)?.[1];
  return code === undefined ? undefined : words.get(code);
}
