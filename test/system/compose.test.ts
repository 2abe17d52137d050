// Goal: the image and the compose file follow the repository when it changes. Method:
// docker-compose reads its file; the lists in Dockerfile, .dockerignore and docker-compose.yml are
// compared with what they list. deploy/compose-test.sh runs them.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './support/example-cluster.js';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

function read(path: string): string {
  return readFileSync(join(repository, path), 'utf8');
}

function linesOf(path: string): string[] {
  return read(path).split('\n');
}

/** Workspaces that the server needs at run time, itself included. */
function serverPackages(): string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const { dependencies = {} } = JSON.parse(read(`packages/${name}/package.json`)) as Manifest;
    for (const dependency of Object.keys(dependencies)) {
      if (dependency.startsWith('@cashe/')) visit(dependency.slice('@cashe/'.length));
    }
  };
  visit('server');
  return [...found].sort();
}

const composeNodes: readonly string[] = [
  ...read('docker-compose.yml').matchAll(/^ {2}(cashe\d+):$/gm),
].map(([, name = '']) => name);

describe('docker-compose.yml', () => {
  it('is read by docker-compose', () => {
    const { status, stderr, error } = spawnSync('docker-compose', ['config', '--quiet'], {
      cwd: repository,
      encoding: 'utf8',
    });
    expect({ status, stderr, error }).toEqual({ status: 0, stderr: '', error: undefined });
  });

  it('has nodes that the certificates name and the smoke test asks', () => {
    expect(composeNodes).toEqual(['cashe0', 'cashe1', 'cashe2', 'cashe3']);
    const extensions = read('certs/server-ext.cnf');
    const smoke = read('docker-compose.yml').match(/command: \["--tls=[^\]]*\]/)?.[0];
    const installed = read('deploy/install-certs.sh');
    for (const name of composeNodes) {
      expect(extensions).toContain(`= ${name}\n`);
      expect(smoke).toContain(`${name}:3000`);
      expect(installed).toMatch(new RegExp(`^for node in .*\\b${name}\\b`, 'm'));
    }
  });

  it('builds the image with the service that starts first', () => {
    const compose = read('docker-compose.yml');
    expect(compose.match(/^ {4}build: /gm)).toHaveLength(1);
    expect(compose).toMatch(/^ {2}certs:\n(?: {4}.*\n)*? {4}build: \.$/m);
  });

  it('mounts files that are there', () => {
    const mounted = [...read('docker-compose.yml').matchAll(/- (\.\/[^:]+):/g)];
    expect(mounted.length).toBeGreaterThan(0);
    for (const [, path = ''] of mounted) expect(existsSync(join(repository, path))).toBe(true);
  });
});

describe('the image', () => {
  it('is built with the manifest of every workspace, as npm ci needs them', () => {
    const names = readdirSync(join(repository, 'packages')).sort();
    const copied = linesOf('Dockerfile').flatMap(
      (line) => /^COPY packages\/(\w+)\/package\.json packages\/\1\/$/.exec(line)?.[1] ?? [],
    );
    expect(copied.sort()).toEqual(names);
    const kept = linesOf('.dockerignore').flatMap(
      (line) => /^!packages\/(\w+)\/package\.json$/.exec(line)?.[1] ?? [],
    );
    expect(kept.sort()).toEqual(names);
  });

  it('has the build of every package that the server needs, and its sources in the context', () => {
    const built = linesOf('Dockerfile').flatMap(
      (line) =>
        /^COPY --from=build \/build\/packages\/(\w+)\/dist packages\/\1\/dist$/.exec(line)?.[1] ??
        [],
    );
    expect(built.sort()).toEqual(serverPackages());
    const ignore = linesOf('.dockerignore');
    for (const name of serverPackages()) {
      expect(ignore).toContain(`!packages/${name}/src`);
      expect(ignore).toContain(`!packages/${name}/tsconfig.json`);
    }
  });
});
