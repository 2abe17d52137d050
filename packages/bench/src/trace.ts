/** `npm run trace`: replays an access trace against a fresh three-node cluster. */
import { type Cashe, connect } from '@cashe/client';
import { ClusterProcess } from './cluster-process.js';
import { LruModel } from './lru-model.js';
import { parseCommand, runCommand, UsageError, wholeNumber } from './options.js';
import { Progress } from './progress.js';
import { limited, type ReplayCounts, replay } from './replay.js';
import { grouped } from './table.js';
import { readTrace } from './trace-reader.js';
import { isEqual, traceReport } from './trace-report.js';

const usage = `usage: npm run trace -- FILE [options]

Replays FILE (one key a line, plain or gzip) read-through, a get and on a miss a set, against a
fresh cluster of three server processes on this machine, and shows beside it what a plain exact-LRU
model gets. With one caller the two are equal; the exit code is 1 when they are not.

  --capacity N     entries kept at most (default 1000; 0: no limit but 256 MiB)
  --callers N      requests under way at once (default 1)
  --limit N        only the first N requests
  --value-bytes N  size of the values (default 64)`;

interface TraceOptions {
  readonly file: string;
  readonly capacity: number;
  readonly callers: number;
  readonly limit: number;
  readonly valueBytes: number;
}

const callTimeoutMs = 30_000;
const countMax = Number.MAX_SAFE_INTEGER;

function parseOptions(args: readonly string[]): TraceOptions | undefined {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseCommand({
    args: [...args],
    allowPositionals: true,
    options: {
      capacity: { ...text, default: '1000' },
      callers: { ...text, default: '1' },
      limit: text,
      'value-bytes': { ...text, default: '64' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError('name one trace file');
  const { limit } = values;
  return {
    file,
    capacity: wholeNumber('capacity', values.capacity, 0, 1e9),
    callers: wholeNumber('callers', values.callers, 1, 10_000),
    limit: limit === undefined ? countMax : wholeNumber('limit', limit, 1, countMax),
    valueBytes: wholeNumber('value-bytes', values['value-bytes'], 0, 1_048_576),
  };
}

async function run(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  // The model's run first: it is quick, and it finds out whether the file can be read.
  const model = await modelOf(options);
  const cluster = await ClusterProcess.start({ args: [`--capacity=${options.capacity}`] });
  try {
    const cashe = await connect({ endpoints: cluster.endpoints, timeoutMs: callTimeoutMs });
    const startMs = performance.now();
    const counts = await replayFile(cashe, options, model.requests);
    const seconds = (performance.now() - startMs) / 1_000;
    await cashe.close();
    const outcome = { ...counts, evictions: await evictionsOf(cluster) };
    const { callers } = options;
    process.stdout.write(`${traceReport(outcome, model, { seconds, callers })}\n`);
    return callers > 1 || isEqual(outcome, model) ? 0 : 1;
  } finally {
    await cluster.stop('kill');
  }
}

async function modelOf({ file, limit, capacity }: TraceOptions): Promise<LruModel> {
  const model = new LruModel(capacity);
  for await (const key of limited(readTrace(file), limit)) model.request(key);
  return model;
}

async function replayFile(
  cashe: Cashe,
  { file, limit, callers, valueBytes }: TraceOptions,
  total: number,
): Promise<ReplayCounts> {
  const progress = new Progress(process.stderr);
  try {
    return await replay(cashe, limited(readTrace(file), limit), {
      callers,
      value: new Uint8Array(valueBytes).fill(120),
      onRequest: (_key, { requests, hits }) =>
        progress.update(() => {
          const percent = Math.floor((100 * requests) / total);
          return `${percent}%  ${grouped(requests)} requests, ${grouped(hits)} hits`;
        }),
    });
  } finally {
    progress.end();
  }
}

/** The leader has applied whatever it answered. */
async function evictionsOf(cluster: ClusterProcess): Promise<number> {
  const leader = await cluster.leader();
  const { groups } = await cluster.status(cluster.nodes.indexOf(leader));
  return groups.reduce((sum, { evictions }) => sum + evictions, 0);
}

await runCommand('trace', usage, () => run(process.argv.slice(2)));
