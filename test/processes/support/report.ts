/** Figures that are told and not asserted. */
export function report(what: string, figure: string): void {
  process.stdout.write(`${what}: ${figure}\n`);
}
