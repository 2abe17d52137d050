/** Questions to a child process over its IPC channel: `{ id, … }` there, `{ id, value }` back. */
import type { ChildProcess } from 'node:child_process';

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

export class ProcessCalls {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #pending: Map<number, Pending> = new Map();
  #lastId = 0;

  constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
    child.on('message', (answer: { id?: number; value?: unknown; error?: string }) => {
      const call = this.#take(answer.id ?? 0);
      if (answer.error === undefined) call?.resolve(answer.value);
      else call?.reject(new Error(`${name}: ${answer.error}`));
    });
    child.once('exit', () => this.#failAll('ended'));
    child.once('error', (error) => this.#failAll(error.message));
  }

  ask<T>(request: object, timeoutMs: number): Promise<T> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<T>((resolve, reject) => {
      const late = (): void => this.#fail(id, `no answer within ${timeoutMs} ms`);
      const timer = setTimeout(late, timeoutMs);
      this.#pending.set(id, { resolve: (value) => resolve(value as T), reject, timer });
      this.#child.send({ ...request, id }, (error) => {
        if (error !== null) this.#fail(id, error.message);
      });
    });
  }

  #take(id: number): Pending | undefined {
    const call = this.#pending.get(id);
    clearTimeout(call?.timer);
    this.#pending.delete(id);
    return call;
  }

  #fail(id: number, reason: string): void {
    this.#take(id)?.reject(new Error(`${this.#name}: ${reason}`));
  }

  #failAll(reason: string): void {
    for (const id of [...this.#pending.keys()]) this.#fail(id, reason);
  }
}
