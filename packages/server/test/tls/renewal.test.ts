// Goal: connections between nodes are replaced before they are too old, without a call or a peer
// being lost; one that is not replaced is ended. Method: real transports with very short ages.

import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { Code, Outcome } from '@cashe/codec';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ForwardedAnswer, ForwardedCall } from '../../src/host/ports.js';
import { checkedPieces } from '../../src/net/tls-pieces.js';
import type { PeerMaterial } from '../../src/rpc/index.js';
import { type TestNode, TestNodes, until } from '../rpc/support/nodes.js';
import { TestCa } from '../support/certificates.js';

const ca = new TestCa();
const nodes = new TestNodes();
afterEach(() => nodes.stopAll());

const tls = (id: string): PeerMaterial => {
  const { cert, key } = ca.node(id);
  const files = { certFile: 'cert', keyFile: 'key', caFile: 'ca' };
  const texts = { cert: Buffer.from(cert), key: Buffer.from(key), ca: Buffer.from(ca.cert) };
  return { current: checkedPieces(texts, files, id, Date.now()), onChange: () => () => undefined };
};

const renewals = ({ logger }: TestNode): number =>
  logger.lines.filter((line) => line.includes('connection to a peer renewed')).length;

const write = (transmission: number): ForwardedCall => ({
  kind: 'write',
  principal: 'client/a',
  batch: {
    kind: 'write',
    ...{ transmission, group: 0, session: 1, sequence: 1, firstOutstanding: 1 },
    ...{ remainingMs: 60_000, ops: Uint8Array.of(1) },
  },
});

const done: ForwardedAnswer = {
  kind: 'write',
  ...{ transmission: 0, code: Code.OK, outcome: Outcome.COMMITTED, message: '' },
  ...{ firstRevision: 1, exceptions: [] },
};

describe('a connection between nodes', () => {
  it('is renewed again and again, and the peer is never lost', async () => {
    const limits = { connectionAgeMs: 50 };
    const connected = await nodes.startConnected(2, { tls, limits });
    await until(() => connected.every((node) => renewals(node) >= 4), 'renewals');
    for (const { logger, handler } of connected) {
      expect(logger.lines.filter((line) => line.includes('peer lost'))).toEqual([]);
      // The host hears that messages may be lost, and that the peer is there.
      expect(handler.unreachable.length).toBeGreaterThanOrEqual(4);
      expect(handler.connected.length).toBe(handler.unreachable.length + 1);
    }
  });

  it('carries the calls it has to their end, beside the one that follows it', async () => {
    const limits = { connectionAgeMs: 50 };
    const [one, two] = (await nodes.startConnected(2, { tls, limits })) as [TestNode, TestNode];
    const answers: (ForwardedAnswer | undefined)[] = [];
    const forward = (transmission: number): void =>
      one.transport.forward(2, write(transmission), (answer) => answers.push(answer));
    forward(1);
    await until(() => two.handler.forwarded.length === 1, 'the first call');
    const before = renewals(one);
    await until(() => renewals(one) > before + 1, 'renewals');
    forward(2);
    await until(() => two.handler.forwarded.length === 2, 'the second call');
    for (const { answer } of two.handler.forwarded) answer(done);
    await until(() => answers.length === 2, 'both answers');
    expect(answers.map((answer) => answer?.kind)).toEqual(['write', 'write']);
  });

  it('goes on when it cannot be renewed', async () => {
    const limits = { connectionAgeMs: 100, reconnectDelayMsMax: 20, connectionsMax: 1 };
    const [one] = (await nodes.startConnected(2, { tls, limits })) as [TestNode, TestNode];
    const told = (): boolean => one.logger.lines.some((line) => line.includes('not renewed'));
    await until(told, 'the reason');
    expect(one.transport.isConnected(2)).toBe(true);
  });

  it('is ended by the other side when nobody renews it', async () => {
    const limits = { connectionAgeMs: 20, connectionAgeGraceMs: 20 };
    const node = await nodes.start(1, { tls, limits });
    const { port } = node;
    const socket = connectTls({ port, ca: ca.cert, ...ca.node('n7'), ALPNProtocols: ['h2'] });
    socket.resume();
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    await once(socket, 'close');
  });
});
