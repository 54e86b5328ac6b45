// Free TCP ports below the range that outgoing connections use. Tests that run side by side have a range each
// (TIDEGATE_TEST_PORTS=FIRST-LAST).
import net from 'node:net';

// Clients of HTTP refuse to connect to these (WHATWG Fetch, "port blocking").
const blocked = [2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697];
const given = new Set(blocked);
const [first, last] = (process.env.TIDEGATE_TEST_PORTS ?? '2000-9999').split('-').map(Number);

function isFree(port, host) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

export async function freePort() {
  for (;;) {
    const port = first + Math.floor(Math.random() * (last - first + 1));
    if (given.has(port)) continue;
    if ((await isFree(port, '127.0.0.1')) && (await isFree(port, '0.0.0.0'))) {
      given.add(port);
      return port;
    }
  }
}
