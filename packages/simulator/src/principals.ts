/** Who everybody is: a client by its name (`c0`, `u1`, `r0`), operators by their certificate. */

export const OPERATOR = 'admin/sim';

/** Unary clients share the sessions of the node they call, so they are one principal (R30). */
export const UNARY = 'client/u';

export function principalOf(client: string): string {
  return client.startsWith('u') ? UNARY : `client/${client}`;
}
