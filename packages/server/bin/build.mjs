// Makes the build when it is missing, in a checkout; an installed package brings its own.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const entry = join(home, 'dist', 'cli', 'main.js');
// Written after all output: a build that another process is still making is not one yet.
const buildInfo = join(home, '..', '..', '.tsbuild', 'server.tsbuildinfo');

export function ensureBuild() {
  const isCheckout = existsSync(join(home, 'src'));
  if (existsSync(entry) && (!isCheckout || existsSync(buildInfo))) return;
  if (!isCheckout) fail('this installation has no dist/; install @cashe/server again');
  process.stderr.write('cashe: building once…\n');
  // Standard output belongs to the command: what the compiler says goes to standard error.
  // --force: the compiler takes output that was deleted for up to date.
  const build = spawnSync(process.execPath, [compiler(), '-b', '--force', home], {
    stdio: ['ignore', 2, 2],
  });
  if (build.status === 0 && existsSync(entry)) return;
  fail('the build failed; see above, or run: npm run build');
}

function compiler() {
  try {
    const require = createRequire(import.meta.url);
    return join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  } catch {
    return fail('there is no build and no compiler to make it; run npm ci first');
  }
}

function fail(message) {
  process.stderr.write(`cashe: ${message}\n`);
  process.exit(1);
}
