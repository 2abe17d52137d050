// Goal: what `npm publish` would send is complete and resolves for every kind of consumer.
// Method: pack @cashe/client and the two packages it needs as npm does, let publint and
// are-the-types-wrong judge the tarball, then unpack all three into an empty project and load them.
// Runs on dist: build first. Needs no network.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(__dirname, '../../..');
const timeoutMs = 120_000;
const packages = ['codec', 'proto', 'client'];
const run = promisify(execFile);

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

let directory = '';
let packed: ReadonlyMap<string, Packed> = new Map();

async function pack(name: string): Promise<Packed> {
  const options = ['--json', '--offline', '--pack-destination', directory];
  const { stdout } = await run('npm', ['pack', ...options], {
    cwd: join(root, 'packages', name),
  });
  const [result] = JSON.parse(stdout) as Packed[];
  if (result === undefined) throw new Error(`npm packed nothing for ${name}`);
  return result;
}

/** Runs a checker; its whole report is the failure message. */
async function check(tool: string, ...args: readonly string[]): Promise<string> {
  try {
    await run(join(root, 'node_modules/.bin', tool), args, { cwd: directory });
    return 'passes';
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return `${stdout}${stderr}`;
  }
}

/** An empty project with the packed packages unpacked and their dependencies linked. */
async function makeProject(): Promise<string> {
  const project = join(directory, 'project');
  for (const name of packages) {
    const home = join(project, 'node_modules/@cashe', name);
    mkdirSync(home, { recursive: true });
    const tarball = join(directory, packed.get(name)?.filename ?? '');
    await run('tar', ['-xzf', tarball, '-C', home, '--strip-components=1']);
    const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    for (const dependency of Object.keys(manifest.dependencies)) {
      const link = join(project, 'node_modules', dependency);
      if (dependency.startsWith('@cashe/')) continue;
      mkdirSync(dirname(link), { recursive: true });
      rmSync(link, { force: true });
      symlinkSync(join(root, 'node_modules', dependency), link);
    }
  }
  return project;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cashe-pack-'));
  packed = new Map(
    await Promise.all(packages.map(async (name) => [name, await pack(name)] as const)),
  );
}, timeoutMs);

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('the packed client', () => {
  it('holds the compiled files and nothing of the sources or tests', () => {
    const files = packed.get('client')?.files.map(({ path }) => path) ?? [];
    expect(files).toEqual(
      expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'dist/core/index.js']),
    );
    expect(files.filter((path) => !/^(dist\/|package\.json$|README\.md$)/.test(path))).toEqual([]);
    expect(files.filter((path) => path.includes('tsbuildinfo'))).toEqual([]);
  });

  it(
    'passes publint',
    async () => {
      expect(await check('publint', 'run', packed.get('client')?.filename ?? '', '--strict')).toBe(
        'passes',
      );
    },
    timeoutMs,
  );

  it(
    'passes are-the-types-wrong',
    async () => {
      const tarball = packed.get('client')?.filename ?? '';
      expect(await check('attw', '--profile', 'esm-only', '--', tarball)).toBe('passes');
    },
    timeoutMs,
  );

  it(
    'loads in an empty project, by import and by require',
    async () => {
      const project = await makeProject();
      writeFileSync(
        join(project, 'esm.mjs'),
        "await import('@cashe/client');\nawait import('@cashe/client/core');\n",
      );
      writeFileSync(
        join(project, 'cjs.cjs'),
        "require('@cashe/client');\nrequire('@cashe/client/core');\n",
      );
      for (const file of ['esm.mjs', 'cjs.cjs']) {
        const { stdout, stderr } = await run(process.execPath, [join(project, file)]);
        expect(stdout + stderr).toBe('');
      }
    },
    timeoutMs,
  );
});
