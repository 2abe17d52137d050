// Generated code is what proto/ generates, proto/ is lint-clean and breaks nothing in the baseline.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

describe('gen.sh --check', () => {
  it('finds no drift', () => {
    const root = join(__dirname, '..');
    const { status, stdout, stderr } = spawnSync('./gen.sh', ['--check'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(stdout + stderr).toBe('');
    expect(status).toBe(0);
  }, 60_000);
});
