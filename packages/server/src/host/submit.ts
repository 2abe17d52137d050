/**
 * The gate in front of a replica that leads: checks and decodes a batch once, then queues it
 * (section 3, steps 2 and 3). What is refused here was never proposed.
 */
import {
  Code,
  Consistency,
  type DecodedOps,
  decodeOps,
  groupOfKey,
  type Op,
  type OpsKind,
  type ReadAnswer,
  type ReadBatch,
  type WriteAnswer,
  type WriteBatch,
} from '@cashe/codec';
import { answerRead, refusedRead } from './reads.js';
import type { Replica } from './replica.js';
import { refusedWrite } from './writes.js';

interface SubmitContext {
  readonly groupCount: number;
  readonly nowMs: number;
  crc32(bytes: Uint8Array): number;
}

export function submitWrite(
  replica: Replica,
  context: SubmitContext,
  batch: WriteBatch,
  principal: string,
  done: (answer: WriteAnswer) => void,
): void {
  const decoded = decodeInGroup('write', replica, batch, context.groupCount);
  if (decoded.kind === 'refused') {
    done(refusedWrite({ batch }, decoded.code, decoded.message));
    return;
  }
  const { ops, verdicts } = decoded;
  const queued = replica.write({
    batch,
    principal,
    ops,
    verdicts,
    crc: context.crc32(batch.ops),
    deadlineMs: context.nowMs + batch.remainingMs,
    done,
  });
  if (!queued) done(refusedWrite({ batch }, Code.BUSY, 'too many batches wait to be proposed'));
}

export function submitRead(
  replica: Replica,
  context: SubmitContext,
  batch: ReadBatch,
  principal: string,
  done: (answer: ReadAnswer) => void,
): void {
  const decoded = decodeInGroup('read', replica, batch, context.groupCount);
  if (decoded.kind === 'refused') {
    done(refusedRead(batch, decoded.code, decoded.message));
    return;
  }
  const deadlineMs = context.nowMs + batch.remainingMs;
  const { ops, verdicts } = decoded;
  const read = { batch, principal, ops, verdicts, deadlineMs, done };
  if (batch.consistency === Consistency.STALE) {
    done(answerStale(replica, context, read));
  } else if (!replica.read(read)) {
    done(refusedRead(batch, Code.BUSY, 'too many reads are waiting'));
  }
}

/** Answered from what this replica has applied, with its age (R24); no use for eviction (R18). */
function answerStale(
  replica: Replica,
  context: SubmitContext,
  read: Parameters<typeof answerRead>[0],
): ReadAnswer {
  if (replica.restoring) {
    return refusedRead(read.batch, Code.UNAVAILABLE, 'a snapshot is being installed');
  }
  const ageMs = replica.ageMs();
  if (ageMs === undefined) {
    const message = 'no leader has told yet how old the state of this node is';
    return refusedRead(read.batch, Code.UNAVAILABLE, message);
  }
  const view = {
    store: replica.store,
    access: replica.access,
    clusterTimeMs: replica.clusterClock.hiddenUntil(context.nowMs),
    nowMs: context.nowMs,
    hit: () => replica.countLookup(true),
    miss: () => replica.countLookup(false),
  };
  const answer = answerRead(read, view, replica.readAnswerBytesMax);
  return { ...answer, ageMs: Math.round(ageMs) };
}

/** The ops of a batch, all of the group it names (R24). */
function decodeInGroup(
  kind: OpsKind,
  { limits }: Replica,
  { ops: bytes, group }: WriteBatch | ReadBatch,
  groupCount: number,
): DecodedOps {
  const decoded = decodeOps(bytes, { kind, limits });
  if (decoded.kind === 'refused' || groupCount === 1) return decoded;
  const wrong = decoded.ops.find((op: Op | undefined) => {
    return op !== undefined && groupOfKey(op.key, groupCount) !== group;
  });
  if (wrong === undefined) return decoded;
  const right = groupOfKey(wrong.key, groupCount);
  const message = `a key belongs to group ${right} of ${groupCount}, not to ${group}`;
  return { kind: 'refused', code: Code.WRONG_GROUP, message };
}
