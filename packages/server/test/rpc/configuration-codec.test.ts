import { CodecError } from '@cashe/codec';
import { GroupConfiguration } from '@cashe/proto';
import { describe, expect, it } from '@jest/globals';
import { configurationCodec } from '../../src/rpc/index.js';

describe('configurations', () => {
  const joint = { voters: [1, 2, 9], votersOutgoing: [1, 2, 3], learners: [7], replicaIdMax: 300 };

  it('are the bytes of GroupConfiguration and come back as they were', () => {
    const bytes = configurationCodec.encode(joint);
    expect(Buffer.from(bytes)).toEqual(Buffer.from(GroupConfiguration.encode(joint).finish()));
    expect(configurationCodec.decode(bytes)).toEqual(joint);
  });

  it.each([
    ['an id of 0', { ...joint, voters: [0] }],
    ['an id above the highest', { ...joint, learners: [301] }],
    ['an id twice in a list', { ...joint, voters: [1, 1] }],
  ])('are refused with %s', (_name, configuration) => {
    const bytes = GroupConfiguration.encode(configuration).finish();
    expect(() => configurationCodec.decode(bytes)).toThrow(CodecError);
  });

  it('are refused when the bytes are none', () => {
    expect(() => configurationCodec.decode(Uint8Array.of(0x0a, 9, 1))).toThrow(CodecError);
  });
});
