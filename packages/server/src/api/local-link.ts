/**
 * The link of a node to itself (R30): calls without a session of their own run in this one, so
 * that a leader change does not repeat them. Same stream rules as for a client, without the wire.
 */
import type {
  CasheErrorCode,
  Connector,
  Link,
  LinkFailure,
  LinkHandler,
  Scheduler,
} from '@cashe/client/core';
import type { SessionResponse } from '@cashe/codec';
import type { Calls } from '../host/calls.js';
import type { CallFailure } from './failure.js';
import {
  type SessionLimits,
  type SessionSink,
  SessionStream,
  type SharedLoad,
} from './session-stream.js';

interface LocalConnectorOptions {
  readonly calls: Calls;
  readonly principal: string;
  readonly limits: SessionLimits;
  readonly load: SharedLoad;
  readonly scheduler: Scheduler;
}

/** Whatever the endpoint, the link leads to this node. */
export function localConnector(options: LocalConnectorOptions): Connector {
  return { connect: (endpoint, handler) => connect(options, endpoint, handler) };
}

function connect(options: LocalConnectorOptions, endpoint: string, handler: LinkHandler): Link {
  let isOpen = true;
  const end = (failure: CallFailure | undefined): void => {
    if (!isOpen) return;
    isOpen = false;
    handler.onClosed(linkFailure(failure));
  };
  const sink: SessionSink = {
    // What is sent is taken at once.
    bufferedBytes: 0,
    send: (response) => {
      if (isOpen) handler.onMessage(towardsHere(response, options.calls, endpoint));
    },
    end,
    reset: end,
  };
  const stream = new SessionStream({ ...options, sink, onClosed: () => undefined });
  return {
    writable: true,
    send: (request) => stream.receive(request),
    watchTopology: () => undefined,
    close: () => {
      isOpen = false;
      stream.closed();
    },
  };
}

/** Every leader is reached through this node, which forwards; its changes still matter (R31). */
function towardsHere(response: SessionResponse, calls: Calls, endpoint: string): SessionResponse {
  if (response.kind !== 'leader' || response.nodeId === '') return response;
  return { ...response, nodeId: calls.hello()?.nodeId ?? '', clientAddress: endpoint };
}

function linkFailure(failure: CallFailure | undefined): LinkFailure {
  if (failure === undefined) return { code: 'UNAVAILABLE', message: 'the stream ended' };
  const code: CasheErrorCode =
    failure.code === 'CLUSTER_MISMATCH' ? 'CLUSTER_MISMATCH' : 'UNAVAILABLE';
  return { code, message: failure.message };
}
