import { performance } from 'node:perf_hooks';
import type { ServeHost } from './serve.js';

/** ServeHost over this process. */
export function processHost(): ServeHost {
  return {
    onSignal: (handle) => {
      process.on('SIGTERM', handle);
      process.on('SIGINT', handle);
    },
    onLauncherGone: (handle) => {
      if (process.channel) process.once('disconnect', handle);
    },
    onUncaught: (handle) => {
      process.on('uncaughtException', handle);
      process.on('unhandledRejection', handle);
      // A launcher that dies takes the reading ends with it. There is nobody left to tell, and an
      // error that nothing handles would end a graceful stop.
      for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
    },
    nowMs: () => performance.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    exit: (code) => process.exit(code),
  };
}
