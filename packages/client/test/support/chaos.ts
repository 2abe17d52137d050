import { Code, Outcome } from '@cashe/codec';
import type { FakeLink, FakeNode, Request } from './fake-net.js';
import { type Harness, leaderOf, serve } from './harness.js';
import { type ModelGroup, readRefusal, refusal } from './model-group.js';
import type { SeededRandom } from './virtual-time.js';

const refusals = [Code.NOT_LEADER, Code.BUSY, Code.UNAVAILABLE, Code.ABORTED] as const;

/**
 * Nodes in front of one group that lose, delay, repeat and refuse messages, but never lie:
 * what they refuse is not executed, what they acknowledge is.
 */
export class Chaos {
  readonly #harness: Harness;
  readonly #nodes: readonly FakeNode[];
  readonly #group: ModelGroup;
  readonly #random: SeededRandom;
  #term = 1;

  constructor(
    harness: Harness,
    nodes: readonly FakeNode[],
    group: ModelGroup,
    random: SeededRandom,
  ) {
    this.#harness = harness;
    this.#nodes = nodes;
    this.#group = group;
    this.#random = random;
    for (const node of nodes) {
      node.onRequest = (request, link) => {
        if (request.kind === 'write') this.#onWrite(request, link);
        else if (request.kind === 'read') this.#onRead(request, link);
        else if (request.kind !== 'hello') this.#onSession(request, link);
      };
    }
  }

  /** One disturbance of the cluster as a whole. */
  disturb(): void {
    const node = this.#nodes[this.#random.below(this.#nodes.length)]!;
    const kind = this.#random.below(20);
    if (kind < 6) this.#elect(node);
    else if (kind < 9) node.isSilent = !node.isSilent;
    else if (kind < 12) node.down();
    else if (kind < 16) node.up();
    else if (kind === 16) this.#group.evictAll();
  }

  /** From now on everything works. */
  heal(): void {
    for (const node of this.#nodes) {
      node.isSilent = false;
      node.up();
      serve(node, this.#group);
    }
    this.#elect(this.#nodes[0]!);
  }

  #elect(leader: FakeNode): void {
    this.#term += 1;
    const term = this.#term;
    for (const node of this.#nodes) {
      if (this.#random.below(4) > 0) this.#later(() => node.reply(leaderOf(leader, term)));
    }
  }

  #later(run: () => void): void {
    const far = this.#random.below(10) === 0;
    this.#harness.time.schedule(this.#random.below(far ? 3_000 : 20), run);
  }

  #onWrite(request: Request<'write'>, link: FakeLink): void {
    const kind = this.#random.below(20);
    if (kind === 0) {
      const code = refusals[this.#random.below(refusals.length)]!;
      this.#later(() => this.#answer(request, link, refusal(code)));
      return;
    }
    if (kind === 1) {
      this.#later(() => link.break({ code: 'UNAVAILABLE', message: 'reset' }));
      return;
    }
    if (kind === 2) this.#later(() => this.#group.write(request));
    if (kind === 3 || kind === 4) {
      this.#later(() => {
        this.#answer(request, link, refusal(Code.UNKNOWN_OUTCOME, Outcome.UNKNOWN));
      });
    }
    if (kind === 3) return;
    this.#later(() => {
      const body = this.#group.write(request);
      // A second copy was executed or will be, so a refusal of this one would be a lie.
      if (kind === 4 || (kind === 2 && body.code !== Code.OK)) return;
      if (kind === 5) link.break({ code: 'UNAVAILABLE', message: 'reset' });
      else this.#later(() => this.#answer(request, link, body));
    });
  }

  #answer(
    { transmission }: Request<'write'>,
    link: FakeLink,
    body: ReturnType<typeof refusal>,
  ): void {
    link.reply({ kind: 'write', transmission, ...body });
  }

  #onRead(request: Request<'read'>, link: FakeLink): void {
    const { transmission } = request;
    const kind = this.#random.below(20);
    this.#later(() => {
      const body =
        kind === 0
          ? readRefusal(refusals[this.#random.below(refusals.length)]!)
          : this.#group.read(request);
      this.#later(() => {
        if (kind === 1) link.break({ code: 'UNAVAILABLE', message: 'reset' });
        else link.reply({ kind: 'read', transmission, ...body });
      });
    });
  }

  #onSession(request: Request<'open'> | Request<'close'>, link: FakeLink): void {
    const { transmission } = request;
    const refuses = this.#random.below(5) === 0;
    this.#later(() => {
      const code = refuses ? Code.NOT_LEADER : Code.OK;
      const session = refuses ? 0 : this.#sessionFor(request);
      link.reply({ kind: 'session', transmission, code, message: '', session });
    });
  }

  #sessionFor(request: Request<'open'> | Request<'close'>): number {
    if (request.kind === 'open') return this.#group.open();
    this.#group.close(request.session);
    return request.session;
  }
}
