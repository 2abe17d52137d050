import { Code, type ReadAnswer, type ReadResult } from '@cashe/codec';

const resultOverheadBytes = 64;
const noValue = new Uint8Array(0);

/**
 * The answer cut to a message the client can receive: what no longer fits is to be asked for
 * again. Hosts already keep answers within the limit of their own settings; this one holds the
 * wire's, whoever answered.
 */
export function boundedAnswer(answer: ReadAnswer, bytesMax: number): ReadAnswer {
  let bytes = resultOverheadBytes + answer.message.length * utf8BytesPerUnitMax;
  const results = answer.results.map((result) => {
    bytes += bytesOf(result);
    return bytes <= bytesMax ? result : askAgain;
  });
  return { ...answer, results };
}

const utf8BytesPerUnitMax = 3;

function bytesOf({ value, message }: ReadResult): number {
  return resultOverheadBytes + value.length + message.length * utf8BytesPerUnitMax;
}

const askAgain: ReadResult = {
  found: false,
  value: noValue,
  revision: 0,
  version: 0,
  ttlMs: undefined,
  code: Code.RETRY,
  message: 'the answer is full; ask for the rest again',
};
