/** Standard input and output of a command; tests put their own in their place. */
export interface Io {
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Resolves when the bytes are handed over, or when nobody reads any more. */
  write(bytes: Uint8Array | string): Promise<void>;
  /** One line on standard error. */
  complain(line: string): void;
  /** All of standard input; undefined when it is more than the bound. */
  readAll(bytesMax: number): Promise<Uint8Array | undefined>;
}

export function processIo(): Io {
  const { stdin, stdout, stderr } = process;
  return {
    stdoutIsTerminal: stdout.isTTY === true,
    stderrIsTerminal: stderr.isTTY === true,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        const onError = (error: NodeJS.ErrnoException): void => {
          // `cashe get k | head -c 1`: the reader has what it wants.
          if (error.code === 'EPIPE') resolve();
          else reject(error);
        };
        stdout.once('error', onError);
        stdout.write(bytes, (error) => {
          if (error) return;
          stdout.off('error', onError);
          resolve();
        });
      }),
    complain: (line) => {
      stderr.write(`${line.replaceAll('\n', ' ')}\n`);
    },
    readAll: async (bytesMax) => {
      const chunks: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of stdin as AsyncIterable<Uint8Array>) {
        length += chunk.length;
        if (length > bytesMax) return undefined;
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    },
  };
}
