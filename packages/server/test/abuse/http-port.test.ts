// Goal: what fuzzing found on the HTTP ports of a node stays found.
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HttpPort } from '../../src/rest/http-port.js';
import { defaultHttpLimits } from '../../src/rest/limits.js';
import { recordingLog } from '../support/api-fixture.js';

let port: HttpPort | undefined;
afterEach(() => port?.close());

async function start(): Promise<number> {
  const log = recordingLog([]);
  const register = (): void => undefined;
  port = await HttpPort.create({ log, limits: defaultHttpLimits, tls: undefined, register });
  return port.bind([{ host: '127.0.0.1', port: 0 }]);
}

/** Sends it and goes away without reading; resolves when the connection is gone. */
function sendAndLeave(portNumber: number, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: portNumber }, () => {
      socket.write(text, () => socket.resetAndDestroy());
    });
    socket.on('error', () => undefined); // 'close' follows.
    socket.once('close', () => resolve());
  });
}

describe('an HTTP port', () => {
  it('survives clients that ask for a tunnel and are gone before the answer', async () => {
    const portNumber = await start();
    const tunnel = 'CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n';
    await Promise.all(Array.from({ length: 50 }, () => sendAndLeave(portNumber, tunnel)));
    const { status } = await fetch(`http://127.0.0.1:${portNumber}/nothing`);
    expect(status).toBe(404);
  });
});
