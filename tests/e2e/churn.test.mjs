// After 10,000 clients have come and gone abruptly, nothing of them is left: no descriptor, no memory, no CPU.
import assert from 'node:assert';
import net from 'node:net';
import test from 'node:test';
import { atEnd } from './lib/at-end.mjs';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { cpuSeconds, openFiles, rssBytes } from './lib/proc.mjs';
import { configFor, isSanitized, isTsan, startTidegate } from './lib/tidegate.mjs';
import { sleep, until } from './lib/wait.mjs';

const MIB = 1 << 20;
const CLIENTS = isTsan ? 2000 : 10000;
const AT_ONCE = 200;
const REQUEST = 'GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n';

// Each is called when the response has begun (or at once, when it never asked for one), and leaves in its way.
const leavers = {
  FIN: (socket) => socket.destroy(),
  RST: (socket) => socket.resetAndDestroy(),
  'half-close': (socket) => socket.end(),
  'extra byte, then FIN': (socket) => socket.write('x', () => socket.destroy()),
  'extra request, then RST': (socket) => socket.write(REQUEST, () => socket.resetAndDestroy()),
  'a megabyte, then half-close': (socket) => socket.end(Buffer.alloc(MIB, 'x')),
  'extra bytes and waiting': (socket) => socket.write('extra'.repeat(1000)),
};
const early = {
  'FIN before a request': (socket) => socket.destroy(),
  'RST in the middle of a request': (socket) => socket.write(REQUEST.slice(0, 20), () => socket.resetAndDestroy()),
  'half-close in the middle of a request': (socket) => socket.end(REQUEST.slice(0, 30)),
};
const ways = [...Object.entries(leavers).map(([name, leave]) => ({ name, leave, isEarly: false })),
  ...Object.entries(early).map(([name, leave]) => ({ name, leave, isEarly: true }))];

function comeAndGo(port, { leave, isEarly }) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let hasLeft = false;
    const go = () => {
      if (hasLeft) return;
      hasLeft = true;
      leave(socket);
      // Those who only half leave go for good when they are closed, or soon.
      const timer = setTimeout(() => socket.destroy(), 1000);
      socket.once('close', () => clearTimeout(timer));
    };
    socket.on('connect', () => (isEarly ? go() : socket.write(REQUEST)));
    socket.on('data', go);
    socket.on('end', () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', resolve);
  });
}

async function comeAndGoAll(port, count) {
  let next = 0;
  const one = async () => {
    while (next < count) await comeAndGo(port, ways[next++ % ways.length]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

// CPU per second over an interval in which nothing happens; the least of a few, for what else the machine does.
async function idleCpu(pid) {
  let least = Infinity;
  for (let i = 0; i < 3; i++) {
    const before = cpuSeconds(pid);
    await sleep(2000);
    least = Math.min(least, (cpuSeconds(pid) - before) / 2);
  }
  return least;
}

async function churn(t, { workers, rate }) {
  const feed = await startFeed(t, await freePort());
  const gate = await startTidegate(t, await configFor(feed.url, { workers, stream: { retain: { events: 100, bytes: '1MiB' }, initial: 'all' } }));
  await gate.untilReady();
  const isGone = () => gate.metric('tidegate_connections', /public/).then((count) => count === 0);
  await comeAndGoAll(gate.port, 1000);
  await until('all to be gone', isGone, { every: 100 });

  const files = openFiles(gate.pid);
  const rss = rssBytes(gate.pid);
  const sending = rate ? feed.sendAtRate(rate, (n) => `${n} ${'x'.repeat(1000)}`) : null;
  const start = Date.now();
  await comeAndGoAll(gate.port, CLIENTS);
  const seconds = (Date.now() - start) / 1000;
  sending?.stop();
  await until('all to be gone', isGone, { every: 100 });
  assert.equal(await gate.metric('tidegate_subscribers', /public/), 0);

  // The admin connections of this test itself come and go.
  await until(() => `${openFiles(gate.pid)} open files, ${files} before`, () => openFiles(gate.pid) <= files + 2);
  const grown = rssBytes(gate.pid) - rss;
  assert.ok(grown < (isSanitized ? 40 : 6) * MIB, `RSS grew by ${(grown / MIB).toFixed(1)} MiB`);
  const cpu = await idleCpu(gate.pid);
  assert.ok(cpu <= 0.03, `idle, it takes ${(cpu * 100).toFixed(1)} % of a core`);
  t.diagnostic(`${CLIENTS} clients in ${seconds.toFixed(1)} s; RSS ${(rss / MIB).toFixed(1)} MiB ${grown >= 0 ? '+' : ''}${(grown / MIB).toFixed(2)} MiB; ` +
    `open files ${files} -> ${openFiles(gate.pid)}; idle CPU ${(cpu * 100).toFixed(1)} %`);
}

test('10,000 clients that come and go abruptly leave nothing behind', (t) => churn(t, { workers: 1, rate: 0 }));
test('10,000 clients that come and go under a feed, with two workers', (t) => churn(t, { workers: 2, rate: 500 }));

test('a client that is left half-open takes no CPU and is closed', async (t) => {
  const feed = await startFeed(t, await freePort());
  const gate = await startTidegate(t, await configFor(feed.url, { sse: { retry: '1s', heartbeat: '1s' } }));
  await gate.untilReady();
  const sockets = [];
  atEnd(t, () => sockets.forEach((socket) => socket.destroy()));
  for (const way of ['half-close', 'extra bytes and waiting', 'a megabyte, then half-close']) {
    const socket = net.connect({ port: gate.port, host: '127.0.0.1', allowHalfOpen: true });
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write(REQUEST);
    await new Promise((resolve) => socket.once('data', resolve));
    leavers[way](socket);
  }
  const cpu = await idleCpu(gate.pid);
  assert.ok(cpu <= 0.03, `with half-open clients it takes ${(cpu * 100).toFixed(1)} % of a core`);
});
