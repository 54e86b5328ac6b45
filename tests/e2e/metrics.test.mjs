// What the admin port says: clean for Prometheus, and true.
import assert from 'node:assert';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { WebSocketServer } from 'ws';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

async function startUsed(t) {
  const feed = await startFeed(t, await freePort());
  const gate = await startTidegate(t, await configFor(feed.url, { workers: 2, stream: { initial: 'all' } }));
  await gate.untilReady();
  for (let n = 1; n <= 1000; n++) feed.send(`${n}`.padStart(10, '0'));
  const clients = Array.from({ length: 10 }, () => startClient(t, { port: gate.port }));
  for (const client of clients) await client.until('all events', () => client.events.filter((event) => event.id).length === 1000);
  await fetch(`${gate.url}/none`);
  return { feed, gate, clients };
}

function assertClean(text) {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text });
  assert.equal(status, 0, `${stdout}${stderr}`);
  assert.equal(`${stdout}${stderr}`.trim(), '');
}

test('promtool finds nothing to complain of', { skip: !hasPromtool && 'no promtool here' }, async (t) => {
  const { gate } = await startUsed(t);
  assertClean((await gate.admin('/metrics')).text);
});

test('the figures are true', async (t) => {
  const { gate, clients } = await startUsed(t);
  const expected = [
    ['tidegate_subscribers', /public/, 10],
    ['tidegate_subscribed_total', /public/, 10],
    ['tidegate_stream_events_total', /feed/, 1000],
    ['tidegate_stream_last_seq', /feed/, 1000],
    ['tidegate_stream_retained_events', /feed/, 1000],
    ['tidegate_stream_subscribers', /feed/, 10],
    ['tidegate_upstream_messages_total', /feed/, 1000],
    ['tidegate_upstream_message_bytes_total', /feed/, 10000],
    ['tidegate_upstream_connects_total', /feed/, 1],
    ['tidegate_upstream_up', /feed/, 1],
    ['tidegate_gaps_total', /public/, 0],
  ];
  for (const [name, labels, value] of expected) assert.equal(await gate.metric(name, labels), value, name);
  assert.equal(await gate.metric('tidegate_requests_total', /public.*4xx|4xx.*public/), 1);
  const received = clients.reduce((sum, client) => sum + client.connection.bytes, 0);
  const sent = await gate.metric('tidegate_sent_bytes_total', /public/);
  assert.ok(sent > 0.9 * received && sent <= received, `${sent} bytes counted, ${received} received`);
  for (const client of clients) client.stop();
  await until('no subscribers', async () => (await gate.metric('tidegate_subscribers', /public/)) === 0);
  assert.equal(await gate.metric('tidegate_connections_closed_total', /public.*client|client.*public/), 10);
});

// Echoes; `bye` is its last message.
async function startEcho(t) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: await freePort() });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (socket) => socket.on('message', (data) => socket.send(`${data}`)));
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${server.address().port}/`;
}

test('sessions, what they send and how they end are counted', async (t) => {
  const config = await configFor(await startEcho(t));
  config.streams.chat = { ...config.streams.feed, scope: 'client', max_sessions: 2, until: { text: 'bye' } };
  config.routes.push({ path: '/chat', stream: 'chat' }, { path: '/send', send: 'chat' });
  const gate = await startTidegate(t, config);
  // It does not come back after the end.
  const check = (event) => event.type === 'tidegate.end' && client.stop();
  const client = startClient(t, { port: gate.port, path: '/chat' }, { check });
  await client.until('the session is up', () => client.events.some((event) => event.data === '{"state":"up"}'));
  const id = client.events.find((event) => event.id).id;
  const send = async (body, headers = { 'Last-Event-ID': id }) =>
    (await fetch(`${gate.url}/send`, { method: 'POST', body, headers })).status;

  assert.equal(await send('hi'), 202);
  assert.equal(await send('hi', {}), 404);
  assert.equal(await send('hi', { 'Last-Event-ID': id, Origin: 'https://evil.example' }), 403);
  assert.equal(await send('bye'), 202);
  await client.until('the end', () => client.events.some((event) => event.type === 'tidegate.end'));
  assert.equal(await send('more'), 409);

  for (const [result, count] of Object.entries({ written: 2, refused: 2, closed: 1, limited: 0, failed: 0 }))
    assert.equal(await gate.metric('tidegate_send_requests_total', new RegExp(`public.*"${result}"`)), count, result);
  assert.equal(await gate.metric('tidegate_upstream_ended_total', /chat.*complete/), 1);
  assert.equal(await gate.metric('tidegate_upstream_ended_total', /chat.*failed/), 0);
  assert.equal(await gate.metric('tidegate_stream_members', /chat/), 1);
  assert.equal(await gate.metric('tidegate_stream_members_limit', /chat/), 2);
  const { text } = await gate.admin('/metrics');
  assert.ok(!text.includes(id.split('-')[0]), 'a token is on the page');
  if (hasPromtool) assertClean(text);
});

test('a stream that has come to its end holds readiness back no more', async (t) => {
  const config = await configFor(await startEcho(t), { stream: { until: { text: 'bye' } } });
  config.routes.push({ path: '/send', send: 'feed' });
  const gate = await startTidegate(t, config);
  await gate.untilReady();
  assert.equal((await fetch(`${gate.url}/send`, { method: 'POST', body: 'bye' })).status, 202);
  await until('the end', async () => (await gate.metric('tidegate_upstream_ended_total', /feed.*complete/)) === 1);
  assert.ok(await gate.isReady());
});

test('readiness follows the upstream, health does not', async (t) => {
  const { feed, gate } = await startUsed(t);
  await feed.stop();
  await until('not ready', async () => !(await gate.isReady()));
  assert.equal((await gate.admin('/healthz')).status, 200);
  assert.match((await gate.admin('/readyz')).text, /feed/);
  await feed.start(feed.port);
  await gate.untilReady();
});
