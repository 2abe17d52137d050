import type { Socket } from 'node:net';

/** What a client speaks, as its first bytes tell. */
export type FirstWords = 'tls' | 'http2' | 'other';

/**
 * Looks at the first bytes of a connection and leaves them to be read by whoever serves it.
 * `done` is called once; with undefined when nothing came in time or the connection ended.
 */
export function peekFirstWords(
  socket: Socket,
  timeoutMs: number,
  done: (words: FirstWords | undefined) => void,
): void {
  const finish = (words: FirstWords | undefined): void => {
    clearTimeout(timer);
    socket.off('readable', onReadable);
    socket.off('close', onClose);
    done(words);
  };
  const onReadable = (): void => {
    const bytes: Buffer | null = socket.read();
    if (bytes === null) return; // The end, which 'close' follows.
    socket.unshift(bytes);
    finish(wordsOf(bytes));
  };
  const onClose = (): void => finish(undefined);
  const timer = setTimeout(onClose, timeoutMs);
  socket.on('readable', onReadable);
  socket.once('close', onClose);
}

/** A TLS record of type handshake (RFC 8446, 5.1); the preface of HTTP/2 (RFC 9113, 3.4). */
function wordsOf(bytes: Buffer): FirstWords {
  if (bytes[0] === 0x16) return 'tls';
  const begin = bytes.toString('latin1', 0, preface.length);
  return preface.startsWith(begin) ? 'http2' : 'other';
}

const preface = 'PRI * HTTP/2.0';
