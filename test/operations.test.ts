// Goal: docs/operations.md leads from every alert to a procedure, and none of its links is broken.
// Method: the alerts of deploy/alerts.yaml, the headings and the files that it links to.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The anchors that a page of Markdown has, as forges make them of its headings. */
function anchors(path: string): string[] {
  return [...read(path).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- ]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Where a link of the page leads nowhere. */
function brokenLinks(page: string): string[] {
  return [...read(`docs/${page}`).matchAll(/\]\(([^)#\s]*)(?:#([^)\s]+))?\)/g)].flatMap(
    ([link, file = '', anchor]) => {
      const path = join('docs', file === '' ? page : file);
      if (!existsSync(join(root, path))) return [link];
      return anchor === undefined || anchors(path).includes(anchor) ? [] : [link];
    },
  );
}

describe('docs/operations.md', () => {
  it('says for every alert which procedure it leads to', () => {
    const alerts = [...read('deploy/alerts.yaml').matchAll(/- alert: (\w+)/g)].map(
      ([, name = '']) => name,
    );
    const named = new Set(read('docs/operations.md').match(/\bCashe[A-Z]\w+/g) ?? []);
    expect(alerts.length).toBeGreaterThan(0);
    expect(alerts.filter((name) => !named.has(name))).toEqual([]);
    expect([...named].filter((name) => !alerts.includes(name))).toEqual([]);
  });

  it('has no broken link', () => {
    expect(brokenLinks('operations.md')).toEqual([]);
  });
});
