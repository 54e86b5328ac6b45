// Many keys that lose their backend at once: it sees them come back no faster than limits.upstream_connects, over all
// workers, and another stream with the same backend has its turn in between.
import assert from 'node:assert';
import http from 'node:http';
import test from 'node:test';
import { atEnd } from './lib/at-end.mjs';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const KEYS = 60;
const PER_SECOND = 50;
const BURST = 10;

// A backend that notes when which path was asked for, and can drop all connections.
async function startBackend(t, kind) {
  const port = await freePort();
  const asked = [];
  const note = (path) => asked.push({ at: performance.now(), path });
  if (kind === 'websocket') {
    const feed = await startFeed(t, port, { onClient: (socket, _, request) => note(request.url), backlog: 1024 });
    return { url: `ws://127.0.0.1:${port}`, asked, drop: () => feed.clients.forEach((socket) => socket.terminate()) };
  }
  const type = { sse: 'text/event-stream', ndjson: 'application/x-ndjson' }[kind];
  const server = http.createServer((request, answer) => {
    note(request.url);
    answer.on('error', () => {});
    // A backend that is polled and keeps no connection.
    if (!type) answer.writeHead(200, { 'Content-Type': 'text/plain', Connection: 'close' }).end(`${asked.length}`);
    else answer.writeHead(200, { 'Content-Type': type }).flushHeaders();
  });
  await new Promise((resolve) => server.listen({ port, host: '127.0.0.1', backlog: 1024 }, resolve));
  atEnd(t, () => server.closeAllConnections());
  atEnd(t, () => server.close());
  return { url: `http://127.0.0.1:${port}`, asked, drop: () => server.closeAllConnections() };
}

// The most that came within any second.
function mostInASecond(asked) {
  return Math.max(...asked.map(({ at }) => asked.filter((other) => other.at >= at && other.at < at + 1000).length));
}

async function start(t, kind, backend) {
  const upstream = { kind, linger: '10s', reconnect: { first: '10ms', max: '10ms' } };
  if (kind === 'poll') upstream.every = '100ms';
  const config = await configFor('', { workers: 2, limits: { upstream_connects: { per_second: PER_SECOND, burst: BURST } } });
  const stream = (path) => ({ upstream: { ...upstream, url: `${backend.url}${path}` } });
  config.streams = {
    many: { ...stream('/many/{key}'), scope: 'keyed', parameters: { key: {} } },
    one: stream('/one'),
  };
  config.routes = [{ path: '/k/{key}', stream: 'many' }, { path: '/one', stream: 'one' }];
  const gate = await startTidegate(t, config);
  for (let i = 0; i < KEYS; i++) startClient(t, { port: gate.port, path: `/k/${i}` }, { keeps: false });
  return gate;
}

const up = (gate, stream) => gate.metric('tidegate_upstream_up', new RegExp(`"${stream}"`));

for (const kind of ['websocket', 'sse', 'ndjson']) {
  test(`${KEYS} keys that lose their ${kind} backend come back in turns`, async (t) => {
    const backend = await startBackend(t, kind);
    const gate = await start(t, kind, backend);
    await until('all to be up', async () => (await up(gate, 'many')) === KEYS && (await up(gate, 'one')) === 1);
    backend.asked.length = 0;
    backend.drop();
    await until('all to be back', () => new Set(backend.asked.map(({ path }) => path)).size === KEYS + 1);
    await until('all to be up again', async () => (await up(gate, 'many')) === KEYS);
    const most = mostInASecond(backend.asked);
    assert.ok(most <= PER_SECOND + BURST + 5, `${most} in a second`);
    const place = backend.asked.findIndex(({ path }) => path === '/one');
    assert.ok(place >= 0 && place < BURST + 10, `the other stream came as number ${place + 1}`);
    assert.ok((await gate.metric('tidegate_upstream_delayed_attempts_total', /"many"/)) > KEYS);
    assert.equal(await gate.metric('tidegate_upstream_waiting_attempts', /"many"/), 0);
    t.diagnostic(`at most ${most} in a second, the other stream as number ${place + 1}`);
  });
}

test('polls to a backend that keeps no connection take turns, too', async (t) => {
  const backend = await startBackend(t, 'poll');
  await start(t, 'poll', backend);
  await until('each to have been asked', () => new Set(backend.asked.map(({ path }) => path)).size === KEYS + 1);
  backend.asked.length = 0;
  await until('a second of polls', () => backend.asked.length > 1 && backend.asked.at(-1).at - backend.asked[0].at > 1000);
  const most = mostInASecond(backend.asked);
  assert.ok(most <= PER_SECOND + BURST + 5, `${most} in a second`);
});

// A place that leads everyone to another one.
async function startRedirect(t, url) {
  const port = await freePort();
  const head = (path) => `HTTP/1.1 307 Temporary Redirect\r\nLocation: ${url}${path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
  const server = http.createServer((request, answer) => answer.socket.end(head(request.url)));
  server.on('upgrade', (request, socket) => socket.end(head(request.url)));
  await new Promise((resolve) => server.listen({ port, host: '127.0.0.1', backlog: 1024 }, resolve));
  atEnd(t, () => server.closeAllConnections());
  atEnd(t, () => server.close());
  return url.replace(/\d+$/, port);
}

for (const kind of ['websocket', 'sse']) {
  test(`where redirects of several ${kind} backends lead counts, too, and waiting takes no time from connect_timeout`, async (t) => {
    const backend = await startBackend(t, kind);
    const config = await configFor('', { workers: 2, limits: { upstream_connects: { per_second: PER_SECOND, burst: BURST } } });
    config.streams = {};
    config.routes = [];
    for (const name of ['left', 'right']) {
      const url = `${await startRedirect(t, backend.url)}/${name}/{key}`;
      const upstream = { kind, url, connect_timeout: '500ms', linger: '10s', max_redirects: 1 };
      config.streams[name] = { scope: 'keyed', parameters: { key: {} }, upstream };
      config.routes.push({ path: `/${name}/{key}`, stream: name });
    }
    const gate = await startTidegate(t, config);
    for (let i = 0; i < 2 * KEYS; i++) startClient(t, { port: gate.port, path: `/${i % 2 ? 'left' : 'right'}/${i}` }, { keeps: false });
    await until('all to be up', async () => (await up(gate, 'left')) + (await up(gate, 'right')) === 2 * KEYS);
    const most = mostInASecond(backend.asked);
    assert.ok(most <= PER_SECOND + BURST + 5, `${most} in a second`);
    assert.equal(backend.asked.length, 2 * KEYS, 'none took too long');
  });
}
