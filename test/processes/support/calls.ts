/** Unary calls with the generated clients, as promises. */
import {
  type ChannelCredentials,
  type Client,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';

type Method<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: { readonly deadline: number },
  done: (error: ServiceError | null, response: Response) => void,
) => unknown;

type ClientClass<C extends Client> = new (
  address: string,
  channelCredentials: ChannelCredentials,
  options: object,
) => C;

/** A connection of its own: a paused node must not hold back calls to the others. */
export function openClient<C extends Client>(Class: ClientClass<C>, address: string): C {
  return new Class(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
  });
}

export function call<Request, Response>(
  client: Client,
  method: Method<Request, Response>,
  request: Request,
  timeoutMs = 10_000,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + timeoutMs;
    method.call(client, request, new Metadata(), { deadline }, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

/** The error of a call that is to fail. */
export function failure<Request, Response>(
  client: Client,
  method: Method<Request, Response>,
  request: Request,
): Promise<ServiceError> {
  return call(client, method, request).then(
    () => Promise.reject(new Error('the call succeeded')),
    (error: ServiceError) => error,
  );
}
