import {
  Code,
  type Op,
  Outcome,
  opFor,
  type ReadResult,
  type SessionRequest,
  type SessionResponse,
} from '@cashe/codec';
import {
  type Caller,
  type CasheError,
  type Core,
  type CoreOptions,
  coreDefaults,
  createCore,
  type OpCall,
  type StatusEvent,
} from '../../src/core/index.js';
import { type FakeLink, FakeNet, type FakeNode, type Request } from './fake-net.js';
import { decodedOps, type ModelGroup } from './model-group.js';
import { SeededRandom, VirtualTime } from './virtual-time.js';

export const timeoutMs = 5_000;

/** What became of one op. */
export type Settled =
  | { readonly kind: 'written'; readonly revision: number; readonly found: boolean }
  | { readonly kind: 'read'; readonly found: boolean; readonly value: string }
  | { readonly kind: 'failed'; readonly error: CasheError };

export class Recorder implements Caller {
  readonly deadlineMs: number;
  readonly isStale: boolean;
  readonly settled: Settled[] = [];
  settledAtMs = 0;
  call: OpCall | undefined;
  readonly #time: VirtualTime;

  constructor(time: VirtualTime, waitMs: number, isStale: boolean) {
    this.#time = time;
    this.deadlineMs = time.nowMs() + waitMs;
    this.isStale = isStale;
  }

  onWritten(_index: number, revision: number, found: boolean): void {
    this.#settle({ kind: 'written', revision, found });
  }

  onRead(_index: number, { found, value }: ReadResult): void {
    this.#settle({ kind: 'read', found, value: Buffer.from(value).toString() });
  }

  onFailed(_index: number, error: CasheError): void {
    this.#settle({ kind: 'failed', error });
  }

  #settle(settled: Settled): void {
    this.settled.push(settled);
    this.settledAtMs = this.#time.nowMs();
  }

  /** `pending`, `written 3`, `read x`, `miss` or `CODE outcome`. */
  get summary(): string {
    const [first] = this.settled;
    if (first === undefined) return 'pending';
    if (first.kind === 'written') return `written ${first.found ? first.revision : 'nothing'}`;
    if (first.kind === 'read') return first.found ? `read ${first.value}` : 'miss';
    return `${first.error.code} ${first.error.outcome}`;
  }

  get error(): CasheError | undefined {
    const [first] = this.settled;
    return first?.kind === 'failed' ? first.error : undefined;
  }
}

interface SubmitOptions {
  readonly waitMs?: number;
  readonly isStale?: boolean;
}

export class Harness {
  readonly time = new VirtualTime();
  readonly net: FakeNet = new FakeNet(this.time);
  readonly events: StatusEvent[] = [];
  #core: Core | undefined;

  /** After the nodes were added. */
  start(endpoints: readonly string[], options: Partial<CoreOptions> = {}): Core {
    const core = createCore(
      {
        clock: this.time,
        scheduler: this.time,
        random: new SeededRandom(1),
        connector: this.net,
      },
      { ...coreDefaults, ...options, endpoints },
    );
    core.onStatus((event) => this.events.push(event));
    this.#core = core;
    this.time.settle();
    return core;
  }

  get core(): Core {
    if (this.#core === undefined) throw new Error('not started');
    return this.#core;
  }

  submit(op: Op, { waitMs = timeoutMs, isStale = false }: SubmitOptions = {}): Recorder {
    const caller = new Recorder(this.time, waitMs, isStale);
    caller.call = this.core.submit(caller, op, 0);
    return caller;
  }

  set(key: string, value: string, options?: SubmitOptions): Recorder {
    return this.submit(opFor.set(key, Buffer.from(value)), options);
  }

  get(key: string, options?: SubmitOptions): Recorder {
    return this.submit(opFor.get(key), options);
  }
}

/** What a leader answers whose log applies at once. */
export function answerFrom(
  group: ModelGroup,
  request: Exclude<SessionRequest, { kind: 'hello' }>,
): SessionResponse {
  const { kind, transmission } = request;
  if (kind === 'write') return { kind, transmission, ...group.write(request) };
  if (kind === 'read') return { kind, transmission, ...group.read(request) };
  if (kind === 'close') group.close(request.session);
  const session = kind === 'open' ? group.open() : request.session;
  return { kind: 'session', transmission, code: Code.OK, message: '', session };
}

/** The node answers like such a leader. */
export function serve(node: FakeNode, group: ModelGroup): void {
  node.onRequest = (request, link) => {
    if (request.kind !== 'hello') link.reply(answerFrom(group, request));
  };
}

/** The node opens sessions (7, 8, …) and leaves everything else to the test. */
export function openOnly(node: FakeNode, firstSession = 7): void {
  let session = firstSession;
  node.onRequest = (request, link) => {
    if (request.kind !== 'open' && request.kind !== 'close') return;
    const { transmission } = request;
    link.reply({ kind: 'session', transmission, code: Code.OK, message: '', session });
    session += 1;
  };
}

export function lead(node: FakeNode, term: number, group = 0): void {
  node.reply(leaderOf(node, term, group));
}

export function leaderOf(
  node: Pick<FakeNode, 'nodeId' | 'address'> | undefined,
  term: number,
  group = 0,
): { kind: 'leader'; group: number; term: number; nodeId: string; clientAddress: string } {
  const nodeId = node?.nodeId ?? '';
  return { kind: 'leader', group, term, nodeId, clientAddress: node?.address ?? '' };
}

export function answerWrite(
  link: FakeLink | FakeNode,
  { transmission }: Request<'write'>,
  code: Code = Code.OK,
  more: { readonly outcome?: Outcome; readonly firstRevision?: number } = {},
): void {
  const { outcome = Outcome.NOT_COMMITTED, firstRevision = 1 } = more;
  link.reply({
    kind: 'write',
    transmission,
    code,
    outcome: code === Code.OK ? Outcome.COMMITTED : outcome,
    message: '',
    firstRevision,
    exceptions: [],
  });
}

/** `7/1 a,b`: session, sequence and keys of a write batch. */
export function describeWrite({ session, sequence, ops }: Request<'write'>): string {
  const keys = decodedOps(ops, 'write').map(({ key }) => key);
  return `${session}/${sequence} ${keys.join()}`;
}
