/** Every error leaves in one form: `{ code, message, details }` and the outcome of R29. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../host/ports.js';
import { type Failure, failureOf, publicFailure, refused } from './failure.js';

/** When a refused client may try again, unless the refusal says. */
const retryAfterMs = 1_000;
/** How much of what a client sent is shown to it again. */
const shownCharactersMax = 80;

export function addErrorReplies(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    sendFailure(reply, failureOfRequest(error, request, log), errorBody);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = app.supportedMethods.filter((method) => app.findRoute({ url: path, method }));
    if (allowed.length === 0) throw refused('UNKNOWN_ROUTE', `nothing is at ${shown(path)}`);
    reply.header('allow', allowed.join(', '));
    const message = `${request.method} is not served at ${shown(path)}`;
    throw refused('METHOD_NOT_ALLOWED', message, { allow: allowed });
  });
}

/** The form of `/v1` and of whatever belongs to no surface. */
export function errorBody(failure: Failure): object {
  const { message, details = {} } = failure;
  return { code: publicFailure(failure).code, message, details };
}

/** Status, outcome and headers of a failure; the form of the body is the surface's own. */
export function sendFailure(
  reply: FastifyReply,
  failure: Failure,
  bodyOf: (failure: Failure) => object,
): void {
  const { status, outcome } = publicFailure(failure);
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="cashe"');
  if (status === 429 || status === 503) {
    const seconds = Math.ceil((failure.retryAfterMs ?? retryAfterMs) / 1_000);
    reply.header('retry-after', seconds);
  }
  reply.header('cashe-outcome', outcome).header('cache-control', 'no-store');
  reply.code(status).type('application/json; charset=utf-8');
  reply.send(JSON.stringify(bodyOf(failure)));
}

/** What went wrong, whoever threw it; a bug of ours is logged and told as INTERNAL. */
export function failureOfRequest(error: unknown, request: FastifyRequest, log: Logger): Failure {
  const failure = failureOf(error) ?? failureOfFastify(error);
  if (failure !== undefined) return failure;
  const { method, routeOptions } = request;
  log.error('a request failed unexpectedly', { method, route: routeOptions.url, error });
  const message = 'a bug of the server; its log says more';
  return { code: 'INTERNAL', outcome: 'unknown', message };
}

/** Paths that no route can be found for; there is no route whose error handler would be asked. */
export function badPath(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const path = shown(request.raw.url ?? '');
  const message = `the path ${path} is not percent-encoded UTF-8`;
  const { failure } =
    error.code === 'FST_ERR_BAD_URL'
      ? refused('INVALID_ARGUMENT', message)
      : refused('TOO_LARGE', error.message);
  sendFailure(reply, failure, errorBody);
}

function failureOfFastify(error: unknown): Failure | undefined {
  if (!isFastifyError(error)) return undefined;
  const { code, message, statusCode = 500, validation } = error;
  if (validation !== undefined) return validationFailure(error);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return refused('TOO_LARGE', 'the body is larger than this request may have').failure;
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const allowed = 'this request takes application/json';
    return refused('UNSUPPORTED_MEDIA_TYPE', allowed).failure;
  }
  if (statusCode >= 500 || statusCode < 400) return undefined;
  return refused('INVALID_ARGUMENT', message).failure;
}

function validationFailure({ validation, validationContext }: FastifyError): Failure {
  const [first] = validation ?? [];
  const where = validationContext === 'querystring' ? 'query' : (validationContext ?? 'request');
  const field = `${where}${first?.instancePath ?? ''}`;
  const extra = first?.params['additionalProperty'];
  const what = typeof extra === 'string' ? `has an unknown field ${shown(extra)}` : first?.message;
  return refused('INVALID_ARGUMENT', `${field} ${what}`, { field }).failure;
}

function isFastifyError(error: unknown): error is FastifyError {
  return typeof error === 'object' && error !== null && 'code' in error && 'message' in error;
}

function shown(text: string): string {
  const cut = text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax)}…` : text;
  return JSON.stringify(cut);
}
