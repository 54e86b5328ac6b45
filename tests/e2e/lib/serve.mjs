// A backend of node's own, for a test that scripts it: on a port of its own until the test ends.
import http from 'node:http';
import { atEnd } from './at-end.mjs';
import { freePort } from './ports.mjs';

export async function serve(t, answer) {
  const server = http.createServer(answer);
  const port = await freePort();
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  atEnd(t, () => {
    server.close();
    server.closeAllConnections();
  });
  return { server, port };
}
