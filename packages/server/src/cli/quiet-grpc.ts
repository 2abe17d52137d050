/**
 * grpc-js prints what it finds remarkable to the console; what matters of it comes back as an error
 * and is told by us. The setting holds for the whole process, so only the command line makes it.
 */
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';

/** Leaves grpc-js alone when the environment asks for its output. */
export function quietGrpc(environment: NodeJS.ProcessEnv): void {
  const asked = environment['GRPC_VERBOSITY'] ?? environment['GRPC_NODE_VERBOSITY'];
  if (asked === undefined) setLogVerbosity(logVerbosity.NONE);
}
