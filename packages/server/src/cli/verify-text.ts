import type {
  Verification,
  VerifiedGroup,
  VerifiedSnapshot,
  VerifiedState,
} from '../node/verify.js';
import { table } from './table.js';

/** The report of `cashe verify`, without the problems, which go to standard error. */
export function verificationText(found: Verification): string {
  const parts = [
    `${nodeLines(found).join('\n')}\n`,
    segmentsText(found),
    groupsText(found.groups),
    snapshotsText(found.snapshots),
    noteLines(found)
      .map((line) => `${line}\n`)
      .join(''),
    verdictOf(found),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function nodeLines({ path, nodeUid, clusterId, identity, removed }: Verification): string[] {
  const name = identity === undefined ? 'not a member yet' : identity.nodeId;
  return [
    `directory  ${path}`,
    `node       ${name}${removed ? ' (removed from its cluster)' : ''}`,
    `node uid   ${nodeUid ?? '?'}`,
    `cluster    ${clusterId ?? '?'}`,
  ];
}

function segmentsText({ segments, preparedSegment }: Verification): string {
  const rows = segments.map(({ name, firstBlock, lastBlock, bytes }) => [
    name,
    `${firstBlock}`,
    `${lastBlock}`,
    `${bytes}`,
  ]);
  if (preparedSegment !== undefined) rows.push([preparedSegment, '', '', 'prepared, not used yet']);
  if (rows.length === 0) return '';
  return table(['SEGMENT', 'FIRST BLOCK', 'LAST BLOCK', 'BYTES'], rows);
}

function groupsText(groups: readonly VerifiedGroup[]): string {
  if (groups.length === 0) return '';
  const rows = groups.map(({ log, lastTerm, state }) => [
    `${log.group}`,
    log.replicaId === 0 ? 'removed' : `${log.replicaId}`,
    `${log.firstIndex}`,
    `${log.lastIndex}`,
    `${lastTerm ?? '?'}`,
    `${log.hardState.currentTerm}`,
    `${log.hardState.commitIndex}`,
    ...stateCells(log.replicaId, state),
  ]);
  const head = ['GROUP', 'REPLICA', 'FIRST', 'LAST', 'LAST TERM', 'TERM', 'COMMIT'];
  return table([...head, 'APPLIED', 'DIGEST'], rows);
}

function stateCells(replicaId: number, state: VerifiedState | undefined): string[] {
  if (state !== undefined) return [`${state.appliedIndex}`, state.digest];
  return replicaId === 0 ? ['', ''] : ['?', '?'];
}

function snapshotsText(snapshots: readonly VerifiedSnapshot[]): string {
  if (snapshots.length === 0) return '';
  const rows = snapshots.map(({ file, meta, bytes, digest, current }) => [
    file,
    `${meta.lastIncludedIndex}`,
    `${meta.lastIncludedTerm}`,
    `${bytes}`,
    digest,
    current ? 'in use' : 'not in use',
  ]);
  return table(['SNAPSHOT', 'INDEX', 'TERM', 'BYTES', 'DIGEST', ''], rows);
}

function noteLines({ unfinished, droppedTails }: Verification): string[] {
  return [
    ...unfinished.map((file) => `${file} was never finished: the next start deletes it`),
    ...droppedTails.map(
      ({ file, offset }) => `${file} ends at byte ${offset} with a write that was never synced`,
    ),
  ];
}

function verdictOf({ droppedTails, problems }: Verification): string {
  if (problems.length > 0) {
    return `damaged: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}\n`;
  }
  const bytes = droppedTails.reduce((sum, tail) => sum + tail.bytes, 0);
  return bytes === 0 ? 'sound\n' : `sound, ${bytes} bytes of unsynced tail will be dropped\n`;
}
