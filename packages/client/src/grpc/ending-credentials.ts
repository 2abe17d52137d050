/**
 * Channels that are over when they are closed. grpc-js (1.14) ends the connection of a closed
 * channel, and an attempt that is under way; but where the last attempt failed it makes one more
 * when its backoff is over, and keeps what it gets without ever making a request on it. Of what
 * belongs to a channel only its connector is told of the end: from then on this one connects to
 * nobody. The same as the one in the server (net/ending-credentials.ts):
 * neither package may import the other.
 */
import { ChannelCredentials } from '@grpc/grpc-js';

type ConnectorArguments = Parameters<ChannelCredentials['_createSecureConnector']>;
type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/** The same credentials; connections are not shared with other channels. */
export function endingWithChannel(credentials: ChannelCredentials): ChannelCredentials {
  return new EndingCredentials(credentials);
}

class EndingCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;

  constructor(inner: ChannelCredentials) {
    super();
    this.#inner = inner;
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...args: ConnectorArguments): Connector {
    const inner = this.#inner._createSecureConnector(...args);
    let isOver = false;
    const unlessOver = <T>(next: () => Promise<T>): Promise<T> =>
      isOver ? Promise.reject(new Error('the channel is closed')) : next();
    return {
      // Asked before there is a socket, and once there is one, which a rejection closes.
      waitForReady: () => unlessOver(() => inner.waitForReady()),
      connect: (socket) => unlessOver(() => inner.connect(socket)),
      getCallCredentials: () => inner.getCallCredentials(),
      destroy: () => {
        isOver = true;
        inner.destroy();
      },
    };
  }
}
