/**
 * What the surfaces and ports report to a node's metrics. Labels come from bounded sets and never
 * carry keys, addresses or principals; what would be one too many counts as `other` (R35).
 */

/** Where a call came in. */
export type Surface = 'session' | 'unary' | 'rest';

export interface CallReporter {
  /**
   * A call, or a batch of a Session stream, was answered after `ms`. `verb` is the public verb
   * (`get`, `setMany`, `addMember` …) or the kind of batch (`write`, `read`, `open`, `close`);
   * `code` is the stable code, `OK` for success.
   */
  answered(verb: string, code: string, ms: number): void;
}

/** Why something was refused before it became a call. */
export type RefusalReason =
  | 'connections'
  | 'handshakes'
  | 'handshakeTimeout'
  | 'streams'
  | 'calls'
  | 'bytesInFlight'
  | 'window'
  | 'slowReader'
  | 'slowSender'
  | 'helloTimeout'
  | 'malformed'
  | 'unauthenticated'
  | 'permission'
  | 'principals'
  | 'draining';

export interface RefusalReporter {
  refused(reason: RefusalReason): void;
}

/** What is handed to api/ and rest/; `metrics/metrics.ts` implements it. */
export interface Reporters extends RefusalReporter {
  calls(surface: Surface): CallReporter;
}
