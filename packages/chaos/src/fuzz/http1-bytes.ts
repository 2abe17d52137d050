/** HTTP/1.1 requests that are almost right, for REST and for metrics. */
import { Buffer } from 'node:buffer';
import type { SeededRandom } from '@cashe/simulator';
import { changeBytes } from './bytes.js';
import { changeJson } from './json.js';

/** A request a client could make. Nothing in the seeds is destructive (see seeds.ts). */
export interface HttpSeed {
  readonly method: string;
  readonly target: string;
  /** JSON unless the target takes raw bytes. */
  readonly body?: string;
  readonly isRaw?: boolean;
}

const key = '/v1/keys/fuzz%2Fkey';
const entry = JSON.stringify({ key: 'fuzz/key', value: 'value' });
const batch = JSON.stringify({
  ops: [
    { op: 'set', key: 'fuzz/key', value: 'dmFsdWU=', ttl_ms: 60_000 },
    { op: 'get', key: 'fuzz/key' },
    { op: 'has', key: 'fuzz/key' },
    { op: 'delete', key: 'fuzz/key' },
  ],
  consistency: 'linearizable',
});

export const restSeeds: readonly HttpSeed[] = [
  { method: 'GET', target: key },
  { method: 'GET', target: `${key}?consistency=stale&timeout=500` },
  { method: 'HEAD', target: key },
  { method: 'PUT', target: `${key}?ttl=60000`, body: 'value', isRaw: true },
  { method: 'DELETE', target: key },
  { method: 'POST', target: '/v1/batch', body: batch },
  { method: 'GET', target: '/v1/cluster' },
  { method: 'GET', target: '/v1/cluster/members' },
  {
    method: 'POST',
    target: '/v1/cluster/members?timeout=500',
    body: JSON.stringify({ node_id: 'nobody', raft_address: '127.0.0.1:1' }),
  },
  { method: 'DELETE', target: '/v1/cluster/members/nobody' },
  {
    method: 'POST',
    target: '/v1/cluster/transfer',
    body: JSON.stringify({ group: 7, node_id: 'nobody' }),
  },
  { method: 'GET', target: '/v1/openapi.json' },
  { method: 'OPTIONS', target: '*' },
  { method: 'GET', target: '/nothing' },
  { method: 'POST', target: '/api/v1/key/fuzz/value' },
  { method: 'POST', target: '/api/v1/key/fuzz/value/value' },
  { method: 'GET', target: '/api/v1/key/fuzz' },
  { method: 'DELETE', target: '/api/v1/key/fuzz' },
  { method: 'DELETE', target: '/api/v1/node/nobody' },
  { method: 'POST', target: '/store', body: entry },
  { method: 'GET', target: '/store/fuzz' },
  { method: 'HEAD', target: '/store/fuzz' },
  { method: 'POST', target: '/leave', body: JSON.stringify({ id: 'nobody' }) },
  { method: 'GET', target: '/health' },
  { method: 'POST', target: '/put', body: entry },
  { method: 'GET', target: '/get/fuzz' },
];

export const metricsSeeds: readonly HttpSeed[] = [
  { method: 'GET', target: '/metrics' },
  { method: 'GET', target: '/livez' },
  { method: 'GET', target: '/readyz?verbose' },
  { method: 'HEAD', target: '/metrics' },
  { method: 'GET', target: '/nothing' },
];

/** What is written on one connection, in parts. */
export function http1Bytes(random: SeededRandom, seeds: readonly HttpSeed[]): readonly Buffer[] {
  const requests = Array.from({ length: random.pick([1, 1, 1, 3]) }, () =>
    requestBytes(random, random.pick(seeds)),
  );
  const whole = Buffer.concat(requests);
  if (random.chance(0.1)) return [changeBytes(random, whole)];
  if (random.chance(0.8)) return [whole];
  const at = random.below(whole.length + 1);
  return [whole.subarray(0, at), whole.subarray(at)];
}

function requestBytes(random: SeededRandom, seed: HttpSeed): Buffer {
  const target = random.chance(0.3) ? oddTarget(random, seed.target) : seed.target;
  const method = random.chance(0.05) ? random.pick(oddMethods) : seed.method;
  const body = bodyOf(random, seed);
  const headers: string[] = ['Host: localhost'];
  if (body.length > 0) {
    headers.push(`Content-Type: ${seed.isRaw ? 'application/octet-stream' : 'application/json'}`);
  }
  if (random.chance(0.3)) headers.push(random.pick(oddHeaders));
  if (random.chance(0.05)) headers.shift();
  const version = random.chance(0.03)
    ? random.pick(['HTTP/1.0', 'HTTP/9.9', 'HTCPCP/1.0'])
    : 'HTTP/1.1';
  const { framing, bytes } = framed(random, body);
  const head = [`${method} ${target} ${version}`, ...headers, ...framing, '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}

function bodyOf(random: SeededRandom, { body, isRaw }: HttpSeed): Buffer {
  if (body === undefined) return random.chance(0.05) ? Buffer.from('unwanted') : Buffer.alloc(0);
  const isChanged = random.chance(0.7);
  if (!isChanged) return Buffer.from(body);
  return isRaw ? changeBytes(random, Buffer.from(body)) : changeJson(random, body);
}

interface FramedBody {
  readonly framing: readonly string[];
  readonly bytes: Buffer;
}

/** The body behind the header that announces it; both may lie. */
function framed(random: SeededRandom, body: Buffer): FramedBody {
  const length = `Content-Length: ${body.length}`;
  if (random.chance(0.75)) return { framing: body.length === 0 ? [] : [length], bytes: body };
  const chunk = Buffer.concat([
    Buffer.from(`${body.length.toString(16)}\r\n`),
    body,
    Buffer.from('\r\n0\r\n\r\n'),
  ]);
  const chunked = 'Transfer-Encoding: chunked';
  return random.pick<FramedBody>([
    { framing: [chunked], bytes: chunk },
    { framing: [chunked], bytes: changeBytes(random, chunk) },
    { framing: [chunked, length], bytes: chunk },
    { framing: ['Transfer-Encoding: gzip, chunked'], bytes: chunk },
    { framing: ['Transfer-Encoding: xchunked'], bytes: chunk },
    { framing: [chunked], bytes: Buffer.from('ffffffffffffffff\r\nx') },
    { framing: [chunked], bytes: Buffer.from(`1;${'e'.repeat(20_000)}\r\nx`) },
    { framing: [`Content-Length: ${body.length + 5}`], bytes: body },
    { framing: [`Content-Length: ${Math.max(0, body.length - 1)}`], bytes: body },
    { framing: ['Content-Length: 99999999999999999999'], bytes: body },
    { framing: ['Content-Length: 9000000'], bytes: body },
    { framing: ['Content-Length: -1'], bytes: body },
    { framing: [length, 'Content-Length: 0'], bytes: body },
  ]);
}

const oddMethods: readonly string[] = ['PATCH', 'TRACE', 'CONNECT', 'get', 'PROPFIND', 'G ET', ''];

const oddHeaders: readonly string[] = [
  'Authorization: Bearer nobody',
  `Authorization: Bearer ${'t'.repeat(9_000)}`,
  'Authorization: Basic AAAA',
  'Content-Type: application/json; charset=utf-16',
  'Content-Type: ;;;',
  'Content-Encoding: gzip',
  'Expect: 100-continue',
  'Expect: 417-please',
  'Connection: close',
  'Connection: upgrade\r\nUpgrade: h2c',
  'Upgrade: websocket\r\nConnection: Upgrade',
  'Range: bytes=0-1,5-,-3',
  'If-None-Match: "1", W/"2", *',
  'If-Match: *',
  'Accept: application/xml',
  'Accept-Encoding: gzip;q=x',
  'Host: other',
  'X-Folded: a\r\n b',
  'X-Nul: a\u0000b',
  'No-Colon',
  ': nameless',
  `X-Long: ${'y'.repeat(20_000)}`,
  Array.from({ length: 200 }, (_, index) => `X-${index}: y`).join('\r\n'),
  'Traceparent: 00-zz-zz-zz',
];

function oddTarget(random: SeededRandom, target: string): string {
  const at = random.below(target.length + 1);
  const odd = random.pick(oddTexts);
  return random.pick([
    `${target.slice(0, at)}${odd}${target.slice(at)}`,
    `${target}?${odd}=${odd}`,
    `${target}?ttl=${random.pick(['-1', '0', '1e9', '9007199254740993', 'NaN', ''])}`,
    `${target}&timeout=${odd}&timeout=1`,
    `http://other${target}`,
    `${target}#${odd}`,
    target.repeat(random.pick([2, 300, 2_000])),
  ]);
}

const oddTexts: readonly string[] = [
  '%',
  '%2',
  '%zz',
  '%00',
  '%ff',
  '%c0%80',
  '%ed%a0%80',
  '%2e%2e%2f',
  '/../',
  '//',
  '\u00ff',
  '\u0000',
  ' ',
  '+',
  ';',
  '__proto__',
  'x'.repeat(1_100),
];
