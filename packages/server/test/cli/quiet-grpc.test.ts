// Goal: grpc-js prints nothing by itself, unless whoever runs the command asks it to.
import { experimental, logVerbosity, setLogger, setLogVerbosity } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { quietGrpc } from '../../src/cli/quiet-grpc.js';

afterEach(() => {
  setLogVerbosity(logVerbosity.ERROR);
  setLogger(console);
});

function printed(environment: NodeJS.ProcessEnv): number {
  let count = 0;
  setLogger({ error: () => count++, info: () => count++, debug: () => count++ });
  setLogVerbosity(logVerbosity.ERROR);
  quietGrpc(environment);
  experimental.log(logVerbosity.ERROR, 'a server could not be bound');
  return count;
}

describe('grpc-js', () => {
  it('is silent, also about what it takes for an error', () => {
    expect(printed({})).toBe(0);
  });

  it.each(['GRPC_VERBOSITY', 'GRPC_NODE_VERBOSITY'])('prints as %s says', (name) => {
    expect(printed({ [name]: 'ERROR' })).toBe(1);
  });
});
