/** The REST server alone, over doors that a test holds, and raw connections to it. */
import { connect, type Socket } from 'node:net';
import { CasheError, type CasheErrorCode, type CasheOutcome } from '@cashe/client/core';
import type { Op, ReadResult } from '@cashe/codec';
import { defaultApiLimits } from '../../../src/api/limits.js';
import type { AdminAnswer } from '../../../src/host/ports.js';
import type { Failure } from '../../../src/rest/failure.js';
import type { HttpPort } from '../../../src/rest/http-port.js';
import type { HttpLimits } from '../../../src/rest/limits.js';
import { defaultHttpLimits, defaultRestLimits } from '../../../src/rest/limits.js';
import type { Credentials, OpOutcome, RestPorts, RunOptions } from '../../../src/rest/ports.js';
import { createRestServer } from '../../../src/rest/rest-server.js';
import { clusterId, FakeCalls, member } from '../../support/fake-calls.js';

type Run = (ops: readonly Op[], options: RunOptions) => Promise<readonly OpOutcome[]>;

export class RestFixture {
  readonly calls: FakeCalls = new FakeCalls();
  readonly logged: string[] = [];
  readonly ran: { readonly ops: readonly Op[]; readonly options: RunOptions }[] = [];
  readonly credentials: Credentials[] = [];
  readonly ends: Set<(failure: Failure) => void> = new Set();
  callsMax: number = Number.POSITIVE_INFINITY;
  principal: string | Failure = 'anonymous';
  run: Run = async (ops) => ops.map(outcomeOf);
  readonly #sockets: Socket[] = [];
  #server: HttpPort | undefined;
  #port = 0;

  async start(limits: Partial<HttpLimits> = {}, compat = false): Promise<void> {
    this.#server = await createRestServer({
      ports: this.#ports(),
      httpLimits: { ...defaultHttpLimits, ...limits },
      limits: { ...defaultApiLimits, ...defaultRestLimits },
      tls: undefined,
      compat,
    });
    this.#port = await this.#server.bind([{ host: '127.0.0.1', port: 0 }]);
  }

  get server(): HttpPort {
    if (this.#server === undefined) throw new Error('not started');
    return this.#server;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.#port}${path}`;
  }

  /** A raw connection that collects what it is sent. */
  async connect(): Promise<RawConnection> {
    const socket = connect(this.#port, '127.0.0.1');
    this.#sockets.push(socket);
    await new Promise((resolve) => socket.once('connect', resolve));
    return new RawConnection(socket);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
    await this.#server?.close();
    this.#server = undefined;
  }

  #ports(): RestPorts {
    const log = (message: string): void => {
      this.logged.push(message);
    };
    return {
      calls: this.calls,
      log: { error: log, warn: log, info: log, debug: log },
      version: '1.2.3',
      authenticate: (credentials) => {
        this.credentials.push(credentials);
        return this.principal;
      },
      run: (ops, options) => {
        this.ran.push({ ops, options });
        return this.run(ops, options);
      },
      admit: (end) => {
        if (this.ends.size >= this.callsMax) return undefined;
        this.ends.add(end);
        return () => this.ends.delete(end);
      },
      addByAddress: () => Promise.resolve(added),
    };
  }
}

const added: AdminAnswer = {
  kind: 'admin',
  result: 'added',
  clusterId,
  replicaId: 2,
  genesisRecord: new Uint8Array(0),
  members: [member],
};

const hit: ReadResult = {
  found: true,
  value: Buffer.from('value'),
  revision: 7,
  version: 1,
  ttlMs: undefined,
  code: 1,
  message: '',
};

export function outcomeOf(op: Op): OpOutcome {
  if (op.kind === 'get' || op.kind === 'has') return { kind: 'read', result: hit, ageMs: 0 };
  return { kind: 'written', revision: 8, found: true };
}

export function failed(code: CasheErrorCode, outcome: CasheOutcome = 'notCommitted'): OpOutcome {
  return { kind: 'failed', error: new CasheError(code, 'as the test says', { outcome }) };
}

export class RawConnection {
  readonly socket: Socket;
  received = '';
  #isClosed = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.received += bytes.toString('latin1');
      this.#wake();
    });
    socket.on('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
    // What the server resets is seen as closed.
    socket.on('error', () => undefined);
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Resolves once `count` answers have begun and the last of them is whole. */
  async answers(count: number): Promise<readonly string[]> {
    await this.#until(() => wholeAnswers(this.received).length >= count);
    return wholeAnswers(this.received);
  }

  async closed(): Promise<void> {
    await this.#until(() => this.#isClosed);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#isClosed) throw new Error(`closed after ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function wholeAnswers(text: string): readonly string[] {
  const answers: string[] = [];
  for (let at = 0; at < text.length; ) {
    const headEnd = text.indexOf('\r\n\r\n', at);
    if (headEnd < 0) break;
    const length = Number(/content-length: (\d+)/i.exec(text.slice(at, headEnd))?.[1] ?? 0);
    const end = headEnd + 4 + length;
    if (end > text.length) break;
    answers.push(text.slice(at, end));
    at = end;
  }
  return answers;
}
