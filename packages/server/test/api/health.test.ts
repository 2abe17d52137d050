// grpc.health.v1: "" follows the process, cashe.v1.KV follows the node.

import {
  type HealthCheckResponse,
  type HealthClient,
  HealthCheckResponse_ServingStatus as Serving,
} from '@cashe/proto';
import { type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiFixture, answer, failure, Messages } from '../support/api-fixture.js';

let fixture: ApiFixture;
let health: HealthClient;

beforeEach(async () => {
  fixture = await ApiFixture.start({ watchStreamsMax: 1 });
  health = fixture.health();
});
afterEach(() => fixture.close());

const check = (service: string) =>
  answer<HealthCheckResponse>((done) => health.check({ service }, done));

describe('health', () => {
  it('of the process is SERVING, that of the service follows the node', async () => {
    expect(await check('')).toEqual({ status: Serving.SERVING });
    expect(await check('cashe.v1.KV')).toEqual({ status: Serving.SERVING });
    fixture.calls.setServing(false);
    expect(await check('')).toEqual({ status: Serving.SERVING });
    expect(await check('cashe.v1.KV')).toEqual({ status: Serving.NOT_SERVING });
  });

  it('of an unknown service is NOT_FOUND', async () => {
    const error: ServiceError = await failure((done) => health.check({ service: 'x' }, done));
    expect(status[error.code]).toBe('NOT_FOUND');
  });

  it('is watched', async () => {
    const messages = new Messages(health.watch({ service: 'cashe.v1.KV' }));
    expect(await messages.next()).toEqual({ status: Serving.SERVING });
    fixture.calls.setServing(false);
    expect(await messages.next()).toEqual({ status: Serving.NOT_SERVING });
  });

  it('is watched by a bounded number of streams', async () => {
    await new Messages(health.watch({ service: '' })).next();
    const error = await new Messages(health.watch({ service: '' })).failure();
    expect(status[error.code]).toBe('RESOURCE_EXHAUSTED');
  });

  it('is NOT_SERVING for both once the node announces its stop, whatever follows', async () => {
    fixture.server.announceStop();
    fixture.calls.setServing(true);
    expect(await check('')).toEqual({ status: Serving.NOT_SERVING });
    expect(await check('cashe.v1.KV')).toEqual({ status: Serving.NOT_SERVING });
    expect(fixture.calls.servingListeners.size).toBe(0);
  });
});
