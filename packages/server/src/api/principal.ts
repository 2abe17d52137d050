import type { ServerSurfaceCall } from './grpc-types.js';

/** Who calls (R14, R40): decided once per call or stream by the node that authenticated it. */
export type PrincipalOf = (call: ServerSurfaceCall) => string;

/** Without TLS or a token nobody is known. */
export function anonymous(_call: ServerSurfaceCall): string {
  return 'anonymous';
}
