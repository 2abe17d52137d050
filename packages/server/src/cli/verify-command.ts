/** verify: what an offline check of a data directory found, and the exit code for it. */
import type { Verification } from '../node/verify.js';
import { CommandError, exitCodes } from './exit-codes.js';
import type { Io } from './io.js';
import type { Actions } from './program.js';
import { verificationText } from './verify-text.js';

/** Damage of a hopeless disk is not listed to the end. */
const PROBLEM_LINES_MAX = 100;

/** `verify` throws when the directory cannot be judged: in use, not a node's, not readable. */
export function verifyActions(
  verify: (path: string) => Promise<Verification>,
  io: Io,
): Pick<Actions, 'verify'> {
  return {
    verify: async (path) => {
      const found = await verify(path).catch((error: unknown) => {
        const kind = error instanceof Error && 'kind' in error ? error.kind : undefined;
        if (kind !== 'locked' && kind !== 'foreign' && kind !== 'io') throw error;
        throw new CommandError(exitCodes.usage, (error as Error).message, { cause: error });
      });
      await io.write(verificationText(found));
      const { problems } = found;
      for (const problem of problems.slice(0, PROBLEM_LINES_MAX)) io.complain(`cashe: ${problem}`);
      const untold = problems.length - PROBLEM_LINES_MAX;
      if (untold > 0) io.complain(`cashe: and ${untold} more`);
      return problems.length === 0 ? exitCodes.ok : exitCodes.negative;
    },
  };
}
