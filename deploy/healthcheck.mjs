// The health check of the image: exits 0 when the node in this container is ready. It asks where
// CASHE_HTTP_METRICS says, which the image sets, so change the address there and not by a flag.
// What is not ready is printed: `docker inspect` shows it.
import { get as getPlain } from 'node:http';
import { get as getTls } from 'node:https';

const timeoutMs = 2_500;
const outputCharactersMax = 2_000;

const address = process.env['CASHE_HTTP_METRICS'] || ':9464';
const [, stated = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
const everyInterface = ['', '0.0.0.0', '[::]'];
const host = everyInterface.includes(stated) ? '127.0.0.1' : stated.replace(/^\[(.*)\]$/, '$1');

function ask(get) {
  return new Promise((resolve, reject) => {
    // The certificate is the node's own, for names of which loopback need not be one; what is asked
    // for is not secret, and this connection does not leave the container.
    const options = {
      host,
      port,
      path: '/readyz?verbose',
      rejectUnauthorized: false,
      agent: false,
    };
    const request = get({ ...options, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text = (text + part).slice(0, outputCharactersMax);
      });
      response.on('end', () => resolve({ ready: response.statusCode === 200, text }));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

/** Whether the port speaks TLS is known from the answer only: flags and files can turn it on. */
async function askEither() {
  try {
    return await ask(getTls);
  } catch (error) {
    if (error.code === 'ECONNREFUSED') throw error;
    return await ask(getPlain);
  }
}

try {
  const { ready, text } = await askEither();
  process.stdout.write(text);
  process.exitCode = ready ? 0 : 1;
} catch (error) {
  process.stdout.write(`no answer at ${host}:${port}: ${error.message}\n`);
  process.exitCode = 1;
}
