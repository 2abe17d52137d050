// Services of libraries behind a guard: their streams are counted, paced and can be ended.
import { Duplex } from 'node:stream';
import type { Server, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import type { StreamingCall } from '../../src/api/grpc-types.js';
import { guardStreams, StreamGuard } from '../../src/api/stream-guard.js';

type Handler = (call: StreamingCall) => void;

/** A call whose client sends `requestCount` messages and takes none of the answers. */
class SilentReader extends Duplex {
  #left: number;

  constructor(requestCount: number) {
    super({ objectMode: true });
    this.#left = requestCount;
  }

  override _read(): void {
    this.#left -= 1;
    this.push(this.#left >= 0 ? {} : null);
  }

  override _write(): void {
    // Never taken.
  }
}

/** Adds an echoing service and returns what the server was given for its method. */
function guarded(guard: StreamGuard, handled: () => void): Handler {
  const echo: Handler = (call) => {
    call.on('data', () => {
      handled();
      call.write({});
    });
  };
  const method = { path: '/x/Echo', requestStream: true, responseStream: true };
  const codec = { serialize: () => Buffer.alloc(0), deserialize: () => ({}) };
  const definition: ServiceDefinition = {
    Echo: {
      ...method,
      originalName: 'echo',
      requestSerialize: codec.serialize,
      responseSerialize: codec.serialize,
      requestDeserialize: codec.deserialize,
      responseDeserialize: codec.deserialize,
    },
  };
  let added: UntypedServiceImplementation = {};
  const server: Pick<Server, 'addService'> = {
    addService: (_definition, implementation) => {
      added = implementation;
    },
  };
  guardStreams(server, guard).addService(definition, { echo });
  return added['echo'] as Handler;
}

const callOf = (stream: Duplex): StreamingCall => stream as Duplex & StreamingCall;

describe('a guarded stream', () => {
  it('is not read further while its client takes no answers', async () => {
    let handledCount = 0;
    const handler = guarded(new StreamGuard('echo', () => 1), () => (handledCount += 1));
    handler(callOf(new SilentReader(1000)));
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect(handledCount).toBeGreaterThan(0);
    expect(handledCount).toBeLessThan(50);
  });

  it('beyond the bound is refused, until one of the others has ended', () => {
    const handler = guarded(new StreamGuard('echo', () => 1), () => undefined);
    const errors: string[] = [];
    const open = (): Duplex => {
      const stream = new SilentReader(0);
      stream.on('error', ({ details }: Error & { details: string }) => errors.push(details));
      handler(callOf(stream));
      return stream;
    };
    const first = open();
    open();
    expect(errors).toEqual(['this node serves 1 echo streams at a time']);
    first.emit('cancelled');
    open();
    expect(errors).toHaveLength(1);
  });

  it('ends with all others when asked', () => {
    const guard = new StreamGuard('echo', () => 2);
    const handler = guarded(guard, () => undefined);
    const ended: string[] = [];
    for (const name of ['a', 'b']) {
      const stream = new SilentReader(0);
      stream.on('error', () => ended.push(name));
      handler(callOf(stream));
    }
    guard.endAll({ code: 'UNAVAILABLE', outcome: 'notCommitted', message: 'stopping' });
    expect(ended).toEqual(['a', 'b']);
  });
});
