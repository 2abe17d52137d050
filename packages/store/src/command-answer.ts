import { Code } from '@cashe/codec';

/** What became of an entry's command. Messages are part of answers: deterministic (R11). */
export interface CommandAnswer {
  readonly code: Code;
  readonly message: string;
}

export const commandDone: CommandAnswer = Object.freeze({ code: Code.OK, message: '' });
