import {
  type BatchEnvelope,
  type Code,
  decodeEntry,
  decodeOpsForApply,
  type EntryCommand,
  type EntryHeader,
  type EntryPayload,
  encodeEntry,
  type Op,
  OpsEncoder,
  openPolicy,
  opFor,
  type ReadResult,
  type Verdict,
} from '@cashe/codec';
import {
  type AppliedEntry,
  type BatchAnswer,
  createRestorer,
  createStore,
  type DecodedEntry,
  type Settings,
  type StateMachine,
} from '../../src/index.js';

export const defaultSettings: Settings = {
  entriesMax: 0,
  bytesMax: 1 << 30,
  eviction: 'lru',
  replicationFactor: 3,
  valueBytesMax: 1 << 20,
  sessionsMax: 16,
  sessionWindow: 8,
  sessionBytesMax: 1 << 20,
  sessionIdleMs: 60_000,
};

const tag = new Uint8Array(8).fill(7);

export function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value));
}

export function textOf(result: ReadResult): string | undefined {
  return result.found ? Buffer.from(result.value).toString() : undefined;
}

export function setOp(key: string, value: string, ttlMs = 0, keepTtl = false): Op {
  return opFor.set(key, text(value), ttlMs, keepTtl);
}

export function batchOf(ops: readonly Op[]): Uint8Array {
  const encoder = new OpsEncoder();
  for (const op of ops) encoder.add(op);
  return encoder.finish(tag);
}

export function headerOf(fields: Partial<EntryHeader>): EntryHeader {
  return {
    formatVersion: 1,
    clusterTimeMs: 0,
    restartLeases: false,
    envelopes: [],
    recencyHints: [],
    digest: undefined,
    command: undefined,
    ...fields,
  };
}

export function payloadOf(
  fields: Partial<EntryHeader>,
  batches: readonly Uint8Array[] = [],
): EntryPayload {
  return { header: headerOf(fields), batches };
}

/** What the leader hands to its own apply. */
export function decode(data: Uint8Array): DecodedEntry {
  const payload = decodeEntry(data);
  const ops = payload.batches.map((batch, at) => {
    const envelope = payload.header.envelopes[at]!;
    return decodeOpsForApply(batch, envelope.opCount, envelope.verdicts);
  });
  return { payload, ops };
}

/** Feeds a state machine as a log would, and keeps that log. */
export class Driver {
  readonly log: Uint8Array[] = [];
  machine: StateMachine;
  clusterTimeMs = 0;
  session = 0;
  sequence = 0;

  constructor(settings: Partial<Settings> = {}, groupId = 0) {
    this.machine = createStore({
      groupId,
      hashSeed: 99,
      settings: { ...defaultSettings, ...settings },
      nodes: [],
      access: openPolicy,
    });
  }

  entry(fields: Partial<EntryHeader>, batches: readonly Uint8Array[] = []): AppliedEntry {
    const { clusterTimeMs } = this;
    const data = encodeEntry(payloadOf({ clusterTimeMs, ...fields }, batches));
    this.log.push(data);
    return this.machine.apply(this.machine.appliedIndex + 1, data, undefined);
  }

  command(command: EntryCommand): { readonly code: Code; readonly message: string } {
    const { command: answer } = this.entry({ command });
    if (answer === undefined) throw new Error('no answer');
    return answer;
  }

  /** Its id. */
  open(owner = 'alice'): number {
    const index = this.machine.appliedIndex + 1;
    this.command({ kind: 'openSession', owner });
    return index;
  }

  envelope(fields: Partial<BatchEnvelope>): BatchEnvelope {
    const sequence = fields.sequence ?? this.sequence;
    return {
      session: this.session,
      sequence,
      firstOutstanding: sequence,
      crc: sequence,
      principal: 'alice',
      opCount: 1,
      verdicts: [],
      ...fields,
    };
  }

  /** One entry with one acknowledged batch in the driver's own session. */
  write(
    ops: readonly Op[],
    fields: Partial<EntryHeader> & { readonly verdicts?: readonly Verdict[] } = {},
  ): BatchAnswer {
    if (this.session === 0) this.session = this.open();
    this.sequence++;
    const { verdicts = [], ...header } = fields;
    const envelope = this.envelope({ opCount: ops.length, verdicts });
    return this.entry({ ...header, envelopes: [envelope] }, [batchOf(ops)]).answers[0]!;
  }

  set(key: string, value: string, ttlMs = 0, keepTtl = false): BatchAnswer {
    return this.write([setOp(key, value, ttlMs, keepTtl)]);
  }

  delete(key: string): BatchAnswer {
    return this.write([opFor.delete(key)]);
  }

  /** An entry that carries nothing but the time. */
  clock(clusterTimeMs: number): void {
    this.clusterTimeMs = clusterTimeMs;
    this.entry({});
  }

  read(key: string, hideDueAtMs = 0): ReadResult {
    return this.machine.read(opFor.get(key), hideDueAtMs);
  }

  get(key: string): string | undefined {
    return textOf(this.read(key));
  }
}

export function scanAll(machine: StateMachine, bytesMax = 256): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let piece = machine.scanSealed(bytesMax);
  for (; piece !== undefined; piece = machine.scanSealed(bytesMax)) pieces.push(piece);
  return pieces;
}

export function sealed(machine: StateMachine): Buffer {
  machine.seal();
  return Buffer.concat(scanAll(machine));
}

export function restore(pieces: readonly Uint8Array[], appliedIndex: number): StateMachine {
  const restorer = createRestorer();
  for (const piece of pieces) {
    restorer.push(piece);
    while (!restorer.step());
  }
  return restorer.finish(appliedIndex);
}
