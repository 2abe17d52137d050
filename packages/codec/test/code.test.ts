import { Code, type CodeName, Consistency, codeName, Outcome } from '@cashe/codec';
import {
  Code as GeneratedCode,
  Consistency as GeneratedConsistency,
  Outcome as GeneratedOutcome,
} from '@cashe/proto';
import { describe, expect, it } from '@jest/globals';

/** Generated tables also have -1 for what they do not recognize. */
function recognized(table: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(table).filter(([, value]) => value >= 0));
}

describe('the enums', () => {
  it('have the names and numbers of the .proto', () => {
    expect(Code).toEqual(recognized(GeneratedCode));
    expect(Outcome).toEqual(recognized(GeneratedOutcome));
    expect(Consistency).toEqual(recognized(GeneratedConsistency));
  });

  it('name every code', () => {
    const entries = Object.entries(Code).map(([name, code]): [string, CodeName] => [
      name,
      codeName(code),
    ]);
    for (const [name, found] of entries) expect(found).toBe(name);
    expect(entries).toHaveLength(21);
  });
});
