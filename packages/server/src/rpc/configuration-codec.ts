import { CodecError } from '@cashe/codec';
import { GroupConfiguration } from '@cashe/proto';
import type { Configuration, ConfigurationCodec, ReplicaId } from '@cashe/raft';
import { errorText } from '../net/errors.js';

/** Configurations as the bytes of `GroupConfiguration`: data of configuration entries. */
export const configurationCodec: ConfigurationCodec = {
  encode(configuration: Configuration): Uint8Array {
    return GroupConfiguration.encode(toGroupConfiguration(configuration)).finish();
  },

  decode(data: Uint8Array): Configuration {
    try {
      return fromGroupConfiguration(GroupConfiguration.decode(data));
    } catch (error) {
      throw new CodecError(`configuration: ${errorText(error)}`);
    }
  },
};

export function toGroupConfiguration(configuration: Configuration): GroupConfiguration {
  return {
    voters: [...configuration.voters],
    votersOutgoing: [...configuration.votersOutgoing],
    learners: [...configuration.learners],
    replicaIdMax: configuration.replicaIdMax,
  };
}

/** Throws a CodecError when an id is 0, given twice in a list or above replicaIdMax. */
export function fromGroupConfiguration(message: GroupConfiguration): Configuration {
  const { voters, votersOutgoing, learners, replicaIdMax } = message;
  for (const ids of [voters, votersOutgoing, learners]) checkIds(ids, replicaIdMax);
  return { voters, votersOutgoing, learners, replicaIdMax };
}

function checkIds(ids: readonly ReplicaId[], replicaIdMax: ReplicaId): void {
  for (const id of ids) {
    if (id < 1 || id > replicaIdMax) {
      throw new CodecError(`replica id ${id} is not within 1 and ${replicaIdMax}`);
    }
  }
  if (new Set(ids).size !== ids.length) throw new CodecError('a replica id is given twice');
}
