import { FoundRequest, FoundResponse, GenesisRecord } from '@cashe/proto';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  decodeFoundAnswer,
  decodeFoundRequest,
  encodeFoundAnswer,
  encodeFoundRequest,
} from '../../src/rpc/found.js';
import { FounderUnreachableError } from '../../src/rpc/index.js';
import { TestNodes } from './support/nodes.js';

const nodes = new TestNodes();
afterEach(() => nodes.stopAll());

const genesis = GenesisRecord.encode({
  ...{ clusterId: 'c1', founders: [], groupCount: 2, settings: undefined },
  ...{ hashSeed: 9, formatVersion: 1, access: undefined },
}).finish();
const request = { nodeId: 'n1', nodeUid: 'u1', foundersHash: 'h', genesis };
const answer = { ...request, nodeId: 'n2', blank: true, joining: true };

describe('founders', () => {
  it('answer each other before there is a cluster, records byte for byte', async () => {
    const one = await nodes.start(1, { attach: false });
    const two = await nodes.start(2, { attach: false });
    const asked: unknown[] = [];
    two.transport.serveFounders({
      onFound: (received) => {
        asked.push(received);
        return answer;
      },
    });
    const got = await one.transport.askFounder(`127.0.0.1:${two.port}`, request, 2000);
    expect(asked).toEqual([request]);
    expect(got).toEqual(answer);
  });

  it('that are not up or not ready are unreachable', async () => {
    const one = await nodes.start(1, { attach: false });
    const two = await nodes.start(2, { attach: false });
    const ask = (address: string): Promise<unknown> =>
      one.transport.askFounder(address, request, 2000);
    await expect(ask(`127.0.0.1:${two.port}`)).rejects.toThrow(FounderUnreachableError);
    await two.transport.stop(0);
    // The address is known to whoever asked: the reason does not repeat it.
    const reason = new FounderUnreachableError('connection refused');
    await expect(ask(`127.0.0.1:${two.port}`)).rejects.toEqual(reason);
    await expect(ask('no address')).rejects.toThrow('the address is not host:port');
  });

  it('write what the generated code writes', () => {
    const record = GenesisRecord.decode(genesis);
    const wireRequest = FoundRequest.encode({ ...request, genesis: record }).finish();
    const wireAnswer = FoundResponse.encode({ ...answer, genesis: record }).finish();
    expect(encodeFoundRequest(request).equals(wireRequest)).toBe(true);
    expect(encodeFoundAnswer(answer).equals(wireAnswer)).toBe(true);
    const bare = { ...request, genesis: undefined };
    expect(encodeFoundRequest(bare).equals(FoundRequest.encode(bare).finish())).toBe(true);
    expect(decodeFoundRequest(wireRequest)).toEqual(request);
    expect(decodeFoundAnswer(wireAnswer)).toEqual(answer);
  });
});
