// Goal: frames that the HTTP/2 library of Node.js 20 does not survive by itself (nghttp2 before
// 1.68.1, CVE-2026-27135) end their connection, and no node. Method: the bytes that fuzzing found
// (docs/testing.md, Fuzz) at both ports of a real node.
import { connect, type Socket } from 'node:net';
import { ClusterProcess } from '@cashe/bench';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { endHeaders, frame, frameType } from './support/attacker.js';

const caseMs = 60_000;
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const [windowUpdate, oneByte] = [8, Buffer.alloc(1)];

/** Of RFC 7541's static table: POST, http, /; and the authority `a`. */
const request = frame(frameType.headers, endHeaders, 1, Buffer.from('8386844101' + '61', 'hex'));
const goodbye = frame(frameType.goaway, 0, 0, Buffer.alloc(8));
const noSettings = frame(frameType.settings, 0, 0, Buffer.alloc(0));

/** Resolves when the node has closed the connection. */
function sendWhole(address: string, wrong: Buffer): Promise<void> {
  const { hostname, port } = new URL(`http://${address}`);
  const bytes = Buffer.concat([preface, noSettings, goodbye, request, wrong]);
  return new Promise((resolve) => {
    const socket: Socket = connect({ host: hostname, port: Number(port) });
    socket.once('connect', () => socket.end(bytes));
    socket.on('data', () => undefined);
    socket.on('error', () => undefined); // 'close' follows.
    socket.once('close', () => resolve());
  });
}

describe('a request behind a GOAWAY, and a frame of a wrong length behind it', () => {
  let cluster: ClusterProcess;
  beforeAll(async () => {
    cluster = await ClusterProcess.start({ size: 1 });
  }, caseMs);
  afterAll(() => cluster?.stop('kill'), caseMs);

  it.each([
    ['SETTINGS', frame(frameType.settings, 0, 0, oneByte)],
    ['RST_STREAM', frame(frameType.reset, 0, 1, Buffer.alloc(0))],
    ['PING', frame(frameType.ping, 0, 0, oneByte)],
    ['WINDOW_UPDATE', frame(windowUpdate, 0, 0, oneByte)],
  ])(
    'end their connection alone: %s',
    async (_name, wrong) => {
      const [node] = cluster.nodes;
      for (const address of [node?.clientAddress ?? '', node?.raftAddress ?? '']) {
        await sendWhole(address, wrong);
      }
      expect(node?.isRunning).toBe(true);
      expect((await cluster.status(0)).clusterId).not.toBe('');
    },
    caseMs,
  );
});
