/** What grpc-js says of a failed connection, in words about TLS where that is the reason. */
export function explained(details: string, endpoint: string, isTls: boolean): string {
  const text = details
    .replace(/^No connection established\. Last error: (?:Error: )?/, '')
    .replace(/\. Resolution note: .*$/s, '')
    .replace(/ ?\(\d{4}-[0-9T:.-]+Z\)$/, '');
  const server = `the server at ${endpoint}`;
  if (isTls) {
    if (notTls.test(text)) return `${server} does not speak TLS: connect without tls`;
    if (cut.test(text)) return `${server} broke the TLS handshake off: ${text}`;
    if (unverified.test(text)) return `the certificate of ${server} does not verify: ${text}`;
    const alert = /SSL alert number \d+|alert ([a-z ]+)/.exec(text);
    return alert === null ? details : `${server} refused the TLS handshake: ${text}`;
  }
  if (text.startsWith('this port speaks TLS')) return `${server} speaks TLS: connect with tls`;
  // What a TLS server of another make sends is no HTTP/2; not all of them send anything.
  if (text === 'Failed to connect' || text === 'Protocol error') {
    return `${server} does not speak HTTP/2 in plain text; if it speaks TLS, connect with tls`;
  }
  return details;
}

const notTls = /wrong version number|packet length too long|unsupported protocol/i;
const cut = /disconnected before secure TLS connection|ECONNRESET/;
const unverified = /certificate|Hostname\/IP does not match|unable to (?:verify|get)/i;
