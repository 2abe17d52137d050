import type { PeerMessage } from '@cashe/server/host';

/** What a fault can single out on the network. */
export type MessageClass =
  | 'votes'
  | 'appends'
  | 'acks'
  | 'heartbeats'
  | 'reads'
  | 'snapshots'
  | 'timeoutNow'
  | 'forwards'
  | 'other';

export const droppableClasses: readonly MessageClass[] = [
  'votes',
  'appends',
  'acks',
  'heartbeats',
  'reads',
  'snapshots',
  'timeoutNow',
  'forwards',
];

export function classOf(message: PeerMessage): MessageClass {
  switch (message.kind) {
    case 'requestVoteRequest':
    case 'requestVoteResponse':
      return 'votes';
    case 'appendEntriesRequest':
      return 'appends';
    case 'appendEntriesResponse':
      return 'acks';
    case 'heartbeatRequest':
    case 'heartbeatResponse':
      return message.readRound > 0 ? 'reads' : 'heartbeats';
    case 'installSnapshotRequest':
    case 'installSnapshotResponse':
      return 'snapshots';
    case 'timeoutNowRequest':
      return 'timeoutNow';
    case 'digestReport':
    case 'digestVerdict':
    case 'goneNotice':
      return 'other';
  }
}
