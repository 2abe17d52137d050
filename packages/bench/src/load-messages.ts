/** What the bench and its load process say to each other. */

export const loadOps = ['set', 'get', 'unary'] as const;

/** `set` and `get` through the SDK; `unary`: sets through the generated gRPC client. */
export type LoadOp = (typeof loadOps)[number];

export type LoadRequest =
  | { readonly kind: 'connect'; readonly endpoints: readonly string[] }
  /** Gives every key of the key space a value of that size. */
  | { readonly kind: 'fill'; readonly valueBytes: number }
  | {
      readonly kind: 'run';
      readonly op: LoadOp;
      readonly callers: number;
      readonly valueBytes: number;
      readonly seconds: number;
      /** Where unary calls go. */
      readonly unaryEndpoint: string;
    };
