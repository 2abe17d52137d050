/** The section `node`: who this node is, and how it starts and ends. */
import type { OptionSpecs } from '../option.js';
import { integer, nodeId, text, toggle } from '../values.js';

export interface NodeValues {
  readonly 'node.id': string;
  readonly 'node.data_dir': string;
  readonly 'node.leave_on_exit': boolean;
  readonly 'node.rejoin': boolean;
  readonly 'node.drain_ms': number;
}

const drainMsMax = 600_000;

export const nodeOptions: OptionSpecs<NodeValues> = {
  'node.id': {
    schema: nodeId.schema,
    flag: { name: '--id', argument: 'ID' },
    help: `name of this node in the cluster, ${nodeId.allowed}`,
    fallback: 'raft0',
  },
  'node.data_dir': {
    schema: text('a directory'),
    flag: { name: '--data-dir', argument: 'DIR' },
    help:
      'where the node keeps its log and snapshots, relative to the working directory; ' +
      'one directory for one node',
    defaultText: './data/<id>',
    example: './data/raft0',
  },
  'node.leave_on_exit': {
    schema: toggle,
    flag: { name: '--leave-on-exit' },
    help:
      'leave the cluster when stopped by a signal; otherwise a stopped node stays a member and ' +
      'catches up when it is started again',
    fallback: false,
  },
  'node.rejoin': {
    schema: toggle,
    flag: { name: '--rejoin' },
    help: 'start although this node was removed from its cluster: ask to be admitted again',
    fallback: false,
  },
  'node.drain_ms': {
    schema: integer(0, drainMsMax),
    flag: { name: '--drain-ms', argument: 'MS' },
    help: `a graceful stop takes this long at most, 0 to ${drainMsMax}`,
    fallback: 10_000,
  },
};
