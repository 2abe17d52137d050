export {
  AccessChecks,
  type AccessRight,
  allows,
  bindingMatches,
  isOpenPolicy,
  missingRight,
  openPolicy,
  type Rights,
  rightsOf,
} from './access.js';
export type {
  AccessBinding,
  AccessGrant,
  AccessPolicy,
  AccessRole,
  AccessToken,
  AccessVerb,
} from './access-policy.js';
export {
  ACCESS_BINDINGS_MAX,
  ACCESS_GRANTS_MAX,
  ACCESS_POLICY_BYTES_MAX,
  ACCESS_ROLES_MAX,
  ACCESS_TOKENS_MAX,
  accessPolicyBytes,
  validateAccessPolicy,
} from './access-rules.js';
export { decodeAccessPolicy, encodeAccessPolicy } from './access-wire.js';
export { Code, type CodeName, Consistency, Outcome } from './code.js';
export {
  decodeEntry,
  encodeEntry,
  entryBytesMax,
  envelopeBytesMax,
  FORMAT_VERSION,
  recencyHintBytesMax,
} from './entry.js';
export { CodecError } from './errors.js';
export {
  decodeForwardRequest,
  decodeForwardResponse,
  encodeForwardRequest,
  encodeForwardResponse,
  type ForwardedClose,
  type ForwardedOpen,
  type ForwardedRead,
  type ForwardedWrite,
  type ForwardRequest,
  type ForwardResponse,
} from './forward.js';
export { keyBytesOf, type Refusal, validateKey } from './key.js';
export {
  ADDRESS_BYTES_MAX,
  assertLimits,
  BATCH_OPS_MAX,
  BULK_OP_BYTES_MIN,
  CLIENT_NAME_BYTES_MAX,
  type DerivedLimits,
  deriveLimits,
  ENTRY_OPS_MAX,
  INTEGER_MAX,
  KEY_BYTES_MAX,
  NODE_ID_BYTES_MAX,
  PRINCIPAL_BYTES_MAX,
  RECENCY_HINTS_MAX,
  SESSION_WINDOW_DEFAULT,
  SESSION_WINDOW_MAX,
  SNAPSHOT_CHUNK_BYTES,
  TAG_BYTES,
  VALUE_BYTES_MAX_DEFAULT,
  VALUE_BYTES_MAX_LIMIT,
  VALUE_BYTES_MAX_MIN,
} from './limits.js';
export { codeName } from './names.js';
export { opFor } from './op.js';
export {
  type DecodedOps,
  type DecodeOpsOptions,
  decodeOps,
  decodeOpsForApply,
  type OpsKind,
  type RefusedOp,
} from './ops-decoder.js';
export { encodedOpBytes, OpsEncoder } from './ops-encoder.js';
export {
  decodeSessionRequest,
  decodeSessionResponse,
  encodeSessionRequest,
  encodeSessionResponse,
} from './session-messages.js';
export { groupOfKey, groupOfSlot, hashTag, murmur3, SLOT_COUNT, slotOfKey } from './slot.js';
export {
  formatTraceparent,
  parseTraceparent,
  TRACEPARENT_BYTES,
  type TraceContext,
} from './traceparent.js';
export type {
  BatchEnvelope,
  ClientHello,
  CloseSession,
  EntryCommand,
  EntryHeader,
  EntryPayload,
  GroupLeader,
  Limits,
  Op,
  OpException,
  OpenSession,
  ReadAnswer,
  ReadBatch,
  ReadResult,
  ServerHello,
  SessionAnswer,
  SessionRequest,
  SessionResponse,
  SettingsChanges,
  StateDigest,
  Verdict,
  WriteAnswer,
  WriteBatch,
} from './types.js';
export { isUtf8 } from './utf8.js';
export { createReader, createWriter } from './wire.js';
export { seenOnce, type WireReader } from './wire-reader.js';
export type { WireWriter } from './wire-writer.js';
