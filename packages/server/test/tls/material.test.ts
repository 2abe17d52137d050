// Goal: a node's files are read again when they change, whatever way they change, and what cannot
// be used leaves the old ones in use. Method: real files, looked at every few milliseconds.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Scheduler } from '../../src/host/ports.js';
import { TlsMaterial } from '../../src/net/tls-material.js';
import type { TlsFiles } from '../../src/net/tls-pieces.js';
import { MemoryLogger, realScheduler, until } from '../rpc/support/nodes.js';
import { TestCa, type TestPair, TestPairFiles } from '../support/certificates.js';

const dayMs = 86_400_000;
const ca = new TestCa();
let directory = '';
let log = new MemoryLogger();
const opened: TlsMaterial[] = [];
/** Times the files were looked at. */
let looks = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cashe-material-'));
  log = new MemoryLogger();
});

afterEach(() => {
  for (const material of opened.splice(0)) material.close();
});
afterEach(() => rmSync(directory, { recursive: true }));

async function load(files: TlsFiles): Promise<TlsMaterial> {
  const scheduler: Scheduler = {
    ...realScheduler,
    every: (ms, run) =>
      realScheduler.every(ms, () => {
        looks += 1;
        run();
      }),
  };
  const options = { files, nodeId: 'n1', log, scheduler, pollMs: 5 };
  const material = await TlsMaterial.load(options);
  opened.push(material);
  return material;
}

function filesOf(pair: TestPair): TestPairFiles {
  return new TestPairFiles(directory, 'n1', ca.cert, pair);
}

const logged = (text: string): string[] => log.lines.filter((line) => line.includes(text));

describe('certificate files', () => {
  it('are in use after they were replaced, one after the other', async () => {
    const files = filesOf(ca.node('n1'));
    const material = await load(files);
    const heard: string[] = [];
    material.onChange(({ cert }) => heard.push(cert.toString()));
    const next = ca.node('n1', { validMs: 90 * dayMs });
    files.replace(next);
    await until(() => material.current.cert.toString() === next.cert, 'the new certificate');
    expect(heard).toEqual([next.cert]);
    expect(material.notAfterMs).toBeGreaterThan(Date.now() + 89 * dayMs);
    expect(material.problem).toBeUndefined();
    expect(logged('not used')).toEqual([]);
  });

  it('are in use after the directory of a link was swapped, as Kubernetes does it', async () => {
    const place = (name: string, pair: TestPair): void => {
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, 'tls.crt'), pair.cert);
      writeFileSync(join(directory, name, 'tls.key'), pair.key);
      writeFileSync(join(directory, name, 'ca.crt'), ca.cert);
      symlinkSync(name, join(directory, 'data.new'));
      renameSync(join(directory, 'data.new'), join(directory, 'data'));
    };
    place('first', ca.node('n1'));
    const at = (name: string): string => join(directory, 'data', name);
    const files = { certFile: at('tls.crt'), keyFile: at('tls.key'), caFile: at('ca.crt') };
    const material = await load(files);
    const next = ca.node('n1');
    place('second', next);
    await until(() => material.current.cert.toString() === next.cert, 'the new certificate');
  });

  it.each<[string, (files: TestPairFiles) => void, string]>([
    ['do not match their key', (files) => files.replace(ca.wrongKey('n1')), 'is not the key of'],
    ['are of another CA', (files) => files.replace(new TestCa().node('n1')), 'not signed by a CA'],
    ['are of another node', (files) => files.replace(ca.node('n2')), 'URI:spiffe://cashe/node/n1'],
    ['have expired', (files) => files.replace(ca.expired('n1')), 'has expired'],
    ['are no certificates', (files) => writeFileSync(files.certFile, 'x'), 'no certificate'],
    ['hold no key', (files) => writeFileSync(files.keyFile, 'x'), 'no private key'],
    ['are gone', (files) => rmSync(files.certFile), 'cannot be read'],
    ['are only for clients', (files) => files.replace(forClients()), 'not for serverAuth'],
  ])('that %s leave the old ones in use, and once say why', async (_what, spoil, reason) => {
    const files = filesOf(ca.node('n1'));
    const material = await load(files);
    const before = material.current;
    spoil(files);
    await until(() => material.problem !== undefined, 'the problem');
    expect(material.problem).toContain(reason);
    expect(material.current).toBe(before);
    const seen = looks;
    await until(() => looks > seen + 5, 'further looks');
    expect(logged('not used')).toHaveLength(1);

    // Good files end it, and the next problem is told again.
    const next = ca.node('n1');
    files.replace(next);
    await until(() => material.current.cert.toString() === next.cert, 'the good files');
    expect(material.problem).toBeUndefined();
    spoil(files);
    await until(() => logged('not used').length === 2, 'the second problem');
  });

  it('that cannot be used at the start are an error that names the file', async () => {
    const files = filesOf(ca.wrongKey('n1'));
    await expect(load(files)).rejects.toMatchObject({
      name: 'TlsMaterialError',
      message: `${files.keyFile} is not the key of ${files.certFile}`,
    });
  });

  it('may name several CAs while one takes over from another', async () => {
    const files = filesOf(ca.node('n1'));
    const material = await load(files);
    const successor = new TestCa('the CA that follows');
    files.replaceCa(ca.cert + successor.cert);
    await until(() => material.current.ca.toString().includes(successor.cert), 'both CAs');
    const next = successor.node('n1');
    files.replace(next);
    await until(() => material.current.cert.toString() === next.cert, 'the certificate of the new');
  });

  it('may hold a chain that ends at the CA', async () => {
    const between = new TestCa('a CA between', new TestCa('further', ca));
    const next = between.node('n1');
    const material = await load(filesOf(next));
    expect(material.current.cert.toString()).toBe(next.cert);
    const [leaf = '', , end = ''] = next.cert.split(/(?<=-----END CERTIFICATE-----\n)/);
    const files = filesOf({ ...next, cert: leaf + end });
    await expect(load(files)).rejects.toThrow('not signed by a CA');
  });

  it('that end within 30 days are warned of at once', async () => {
    await load(filesOf(ca.node('n1', { validMs: 29.5 * dayMs })));
    expect(logged('a certificate expires soon')).toEqual([
      expect.stringContaining('"daysLeft":29'),
    ]);
    log.lines.length = 0;
    await load(filesOf(ca.node('n1', { validMs: 31 * dayMs })));
    expect(log.lines).toEqual([]);
  });
});

function forClients(): TestPair {
  return ca.node('n1', { usages: ['clientAuth'] });
}
