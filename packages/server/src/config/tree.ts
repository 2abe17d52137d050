/** A parsed file: what stands at a path, and in which line. */
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { ConfigError, type ConfigPlace, show } from './errors.js';

type Path = readonly PropertyKey[];

export interface Pair {
  readonly name: string;
  readonly line: number | undefined;
}

export class Tree {
  readonly file: string;
  readonly #content: string;
  readonly #lines: LineCounter = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(content: string, file: string) {
    this.file = file;
    this.#content = content;
    const options = { lineCounter: this.#lines, prettyErrors: false };
    this.#document = parseDocument(content, options);
  }

  syntaxErrors(): ConfigError[] {
    const { errors, warnings } = this.#document;
    const broken = [...errors, ...warnings].map(({ pos, message }) =>
      this.error('', this.#lineAt(pos[0]), message.replaceAll('\n', ' ')),
    );
    return broken.length === 0 && /\.json$/i.test(this.file) ? this.#jsonErrors() : broken;
  }

  /** What ends in .json is JSON for every reader of it, not only for those that take YAML. */
  #jsonErrors(): ConfigError[] {
    try {
      JSON.parse(this.#content);
      return [];
    } catch (error) {
      const message = (error as SyntaxError).message.replaceAll('\n', ' ');
      const position = /at position ([0-9]+)/.exec(message)?.[1];
      const line = this.#lineAt(position === undefined ? undefined : Number(position));
      return [this.error('', line, `is not JSON: ${message}`)];
    }
  }

  /** The keys of the map at the path; nothing (`cache:` with all below commented) is fine. */
  pairs(path: Path, errors: ConfigError[]): readonly Pair[] {
    const node = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
    const key = path.join('.');
    if (node === undefined || node === null || (isScalar(node) && node.value === null)) return [];
    if (!isMap(node)) {
      const line = isNode(node) ? this.#lineAt(node.range?.[0]) : undefined;
      errors.push(this.error(key, line, 'must be a map of keys to values'));
      return [];
    }
    return node.items.flatMap((pair): Pair[] => {
      const name = isScalar(pair.key) ? pair.key : undefined;
      const line = this.#lineAt(name?.range?.[0]);
      if (typeof name?.value === 'string') return [{ name: name.value, line }];
      errors.push(this.error(key, line, `has a key that is not a word: ${show(name?.value)}`));
      return [];
    });
  }

  isMap(path: Path): boolean {
    return isMap(this.#document.getIn(path, true));
  }

  has(path: Path): boolean {
    return this.#document.hasIn(path);
  }

  /** The plain value at the path; null where nothing stands. Throws ConfigError. */
  value(path: Path, key: string): unknown {
    try {
      const node = this.#document.getIn(path, true);
      // An alias to nothing, and aliases that multiply, fail here.
      return (
        (isNode(node) ? node.toJS(this.#document, { maxAliasCount: aliasesMax }) : node) ?? null
      );
    } catch (error) {
      throw this.error(key, this.line(path), (error as Error).message.replaceAll('\n', ' '));
    }
  }

  /** Where the node at the path begins; for a missing one, where its parent does. */
  line(path: Path): number | undefined {
    for (let depth = path.length; depth > 0; depth -= 1) {
      const node = this.#document.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return this.#lineAt(node.range[0]);
    }
    return undefined;
  }

  place(path: Path): { readonly file: string; readonly line?: number } {
    const line = this.line(path);
    return line === undefined ? { file: this.file } : { file: this.file, line };
  }

  error(key: string, line: number | undefined, what: string): ConfigError {
    const place: ConfigPlace = { key, file: this.file };
    return new ConfigError(line === undefined ? place : { ...place, line }, what);
  }

  #lineAt(offset: number | undefined): number | undefined {
    return offset === undefined ? undefined : this.#lines.linePos(offset).line;
  }
}

const aliasesMax = 16;
