// Goal: a gRPC client in another language, generated from the .proto files alone, works on a node
// that does not lead. Method: Debian's python3-grpcio and protoc's plugin against real processes.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterProcess } from '@cashe/bench';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

const caseMs = 60_000;
const root = join(__dirname, '../..');
// Debian's own Python, which has Debian's packages, whatever else is first in the path.
const python = '/usr/bin/python3';
const plugin = '/usr/bin/grpc_python_plugin';

const script = `
import json, sys, grpc
from cashe.v1 import kv_pb2, kv_pb2_grpc

def trailers(call):
    return {key: value for key, value in call.trailing_metadata() or () if key.startswith('cashe-')}

def failure(call):
    try:
        call()
        return 'no error'
    except grpc.RpcError as error:
        return {'code': error.code().name, **trailers(error)}

with grpc.insecure_channel(sys.argv[1]) as channel:
    kv = kv_pb2_grpc.KVStub(channel)
    first = kv.Set(kv_pb2.SetRequest(key='snake', value=b'hiss', ttl_ms=60000), timeout=10)
    found, found_call = kv.Get.with_call(kv_pb2.GetRequest(key='snake'), timeout=10)
    gone = kv.Delete(kv_pb2.DeleteRequest(key='snake'), timeout=10)
    miss, miss_call = kv.Get.with_call(kv_pb2.GetRequest(key='snake'), timeout=10)
    print(json.dumps({
        'revision': first.revision == found.revision,
        'found': [found.found, found.value.decode(), found.version, 0 < found.ttl_ms <= 60000],
        'deleted': gone.found,
        'miss': [miss_call.code().name, miss.found, miss.HasField('ttl_ms')],
        'failure': failure(lambda: kv.Set(kv_pb2.SetRequest(key=''), timeout=10)),
    }))
`;

let directory = '';
let cluster: ClusterProcess;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cashe-python-'));
  cluster = await ClusterProcess.start();
}, caseMs);

afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await cluster?.stop('kill');
}, caseMs);

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd: directory }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command}: ${stderr}`, { cause: error }));
    });
  });
}

it(
  'a Python client sets, gets and deletes through a follower; a miss is no error',
  async () => {
    await run('protoc', [
      `--proto_path=${join(root, 'proto')}`,
      `--python_out=${directory}`,
      `--grpc_python_out=${directory}`,
      `--plugin=protoc-gen-grpc_python=${plugin}`,
      'cashe/v1/kv.proto',
    ]);
    writeFileSync(join(directory, 'client.py'), script);
    const leader = await cluster.leader();
    const follower = cluster.nodes.find((node) => node !== leader);
    const output = await run(python, ['client.py', follower?.clientAddress ?? '']);
    expect(JSON.parse(output)).toEqual({
      revision: true,
      found: [true, 'hiss', 1, true],
      deleted: true,
      miss: ['OK', false, false],
      failure: {
        code: 'INVALID_ARGUMENT',
        'cashe-code': 'INVALID_ARGUMENT',
        'cashe-outcome': 'not_committed',
      },
    });
  },
  caseMs,
);
