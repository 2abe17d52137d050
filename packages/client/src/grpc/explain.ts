/**
 * What grpc-js says of a failed connection, in words about TLS where that is the reason. What a
 * server said is left as it is.
 */
export function explained(details: string, endpoint: string, isTls: boolean): string {
  const server = `the server at ${endpoint}`;
  if (details.startsWith('this port speaks TLS')) return `${server} speaks TLS: connect with tls`;
  const last = noConnection.exec(details)?.[1];
  if (last === undefined) return details;
  const text = last.replace(/ ?\(\d{4}-[0-9T:.-]+Z\)$/, '');
  const reason = isTls ? withTls(text) : withoutTls(text);
  return reason === undefined ? details : reason.replace('SERVER', server);
}

const noConnection =
  /^No connection established\. Last error: (?:Error(?: \[\w+\])?: )?(.*?)(?:\. Reso.*)?$/s;

function withTls(text: string): string | undefined {
  if (/wrong version number|packet length too long/.test(text)) {
    return 'SERVER does not speak TLS: connect without tls';
  }
  if (/disconnected before secure TLS connection|read ECONNRESET/.test(text)) {
    return `SERVER broke the TLS handshake off: ${text}`;
  }
  if (/alert/.test(text)) return `SERVER refused the TLS handshake: ${text}`;
  if (/certificate|Hostname\/IP does not match|unable to (?:verify|get)/i.test(text)) {
    return `the certificate of SERVER does not verify: ${text}`;
  }
  return undefined;
}

/** What a TLS server of another make sends is no HTTP/2; not all of them send anything. */
function withoutTls(text: string): string | undefined {
  if (text !== 'Failed to connect' && text !== 'Protocol error') return undefined;
  return 'SERVER does not speak HTTP/2 in plain text; if it speaks TLS, connect with tls';
}
