/**
 * Services of libraries decode requests with code that throws, which grpc-js answers INTERNAL.
 * What is wrong is the caller's: here they answer INVALID_ARGUMENT like our own (see received.ts).
 */
import type { ServiceDefinition, StatusObject, UntypedServiceImplementation } from '@grpc/grpc-js';
import { toStatus } from './failure.js';
import { type Received, receive } from './received.js';
import type { ServiceHost } from './stream-guard.js';

/** Adds a library's service so that its handlers see only requests that could be decoded. */
export function refuseMalformed(server: ServiceHost): ServiceHost {
  return {
    addService: (definition, implementation) => {
      const receiving: Record<string, ServiceDefinition[string]> = {};
      const decoded: UntypedServiceImplementation = {};
      for (const [method, one] of Object.entries(definition)) {
        const { originalName = method, requestDeserialize, requestStream, responseStream } = one;
        receiving[method] = {
          ...one,
          requestDeserialize: (bytes: Buffer) => receive(bytes, requestDeserialize),
        };
        const name = implementation[method] === undefined ? originalName : method;
        const handler = implementation[name]?.bind(implementation) as Handler | undefined;
        if (handler === undefined) continue;
        if (requestStream) decoded[name] = decodedStream(handler);
        else decoded[name] = responseStream ? decodedCall(handler) : decodedUnary(handler);
      }
      server.addService(receiving, decoded);
    },
  };
}

type Callback = (error: StatusObject | null, answer?: unknown) => void;
type Handler = (call: LibraryCall, callback?: Callback) => void;

/** The parts of grpc-js's call objects that matter here. */
interface LibraryCall {
  request: unknown;
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  emit(event: string, value: unknown): unknown;
  pause?(): unknown;
}

function decodedUnary(handler: Handler) {
  return (call: LibraryCall, callback: Callback): void => {
    const received = call.request as Received<unknown>;
    if (!received.ok) {
      callback(malformed(received.problem));
      return;
    }
    call.request = received.value;
    handler(call, callback);
  };
}

function decodedCall(handler: Handler) {
  return (call: LibraryCall): void => {
    const received = call.request as Received<unknown>;
    if (!received.ok) {
      call.emit('error', malformed(received.problem));
      return;
    }
    call.request = received.value;
    handler(call);
  };
}

function decodedStream(handler: Handler) {
  return (call: LibraryCall): void => {
    const on = call.on.bind(call);
    call.on = (event, listener) => {
      if (event !== 'data') return on(event, listener);
      return on('data', (frame) => {
        const received = frame as Received<unknown>;
        if (received.ok) {
          listener(received.value);
          return;
        }
        call.pause?.();
        call.emit('error', malformed(received.problem));
      });
    };
    handler(call);
  };
}

function malformed(message: string): StatusObject {
  return toStatus({ code: 'INVALID_ARGUMENT', outcome: 'notCommitted', message });
}
