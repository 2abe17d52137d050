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
  const decoded = decodeOps(batch.ops, { kind: 'write', limits: replica.limits });
  const refused = refusalOf(decoded, batch.group, context.groupCount);
  if (refused !== undefined) {
    done(refusedWrite({ batch }, refused.code, refused.message));
    return;
  }
  const queued = replica.write({
    batch,
    principal,
    ops: decoded.kind === 'ops' ? decoded.ops : [],
    verdicts: decoded.kind === 'ops' ? decoded.verdicts : [],
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
  done: (answer: ReadAnswer) => void,
): void {
  const decoded = decodeOps(batch.ops, { kind: 'read', limits: replica.limits });
  const refused = refusalOf(decoded, batch.group, context.groupCount);
  if (refused !== undefined || decoded.kind === 'refused') {
    done(refusedRead(batch, refused?.code ?? Code.INVALID_ARGUMENT, refused?.message ?? ''));
    return;
  }
  const deadlineMs = context.nowMs + batch.remainingMs;
  const read = { batch, ops: decoded.ops, refused: decoded.verdicts, deadlineMs, done };
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
    clusterTimeMs: replica.clusterClock.stamp(context.nowMs),
    nowMs: context.nowMs,
    hit: () => replica.countLookup(true),
    miss: () => replica.countLookup(false),
  };
  const answer = answerRead(read, view, replica.readAnswerBytesMax);
  return { ...answer, ageMs: Math.round(ageMs) };
}

function refusalOf(
  decoded: DecodedOps,
  group: number,
  groupCount: number,
): { readonly code: Code; readonly message: string } | undefined {
  if (decoded.kind === 'refused') return decoded;
  if (groupCount === 1) return undefined;
  const wrong = decoded.ops.find((op: Op | undefined) => {
    return op !== undefined && groupOfKey(op.key, groupCount) !== group;
  });
  if (wrong === undefined) return undefined;
  const right = groupOfKey(wrong.key, groupCount);
  const message = `a key belongs to group ${right} of ${groupCount}, not to ${group}`;
  return { code: Code.WRONG_GROUP, message };
}
