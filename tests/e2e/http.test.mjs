// How a stream is answered: headers, HTTP versions, listeners, heartbeats, methods, the end.
import assert from 'node:assert';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { atEnd } from './lib/at-end.mjs';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { SseConnection, startClient } from './lib/sse-reader.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

async function start(t, parts) {
  const feed = await startFeed(t, await freePort());
  const gate = await startTidegate(t, await configFor(feed.url, parts));
  await gate.untilReady();
  return { feed, gate };
}

function connect(t, options) {
  const connection = new SseConnection(options);
  atEnd(t, () => connection.socket.destroy());
  connection.events = [];
  connection.on('event', (event) => connection.events.push(event));
  connection.on('failure', (error) => (connection.failure = error));
  return connection;
}

test('the head of a stream has what proxies and browsers need, and comes at once', async (t) => {
  const { gate } = await start(t);
  const connection = connect(t, { port: gate.port });
  await until('the first comment', () => connection.parser.comments > 0);
  const { head } = connection;
  assert.equal(head.status, 200);
  assert.match(head.headers['content-type'], /^text\/event-stream(;|$)/);
  assert.equal(head.headers['cache-control'], 'no-cache, no-transform');
  assert.equal(head.headers['x-accel-buffering'], 'no');
  assert.equal(head.headers['transfer-encoding'], 'chunked');
  assert.equal(head.headers['content-length'], undefined);
  assert.equal(connection.parser.retry, 100);
});

test('HTTP/1.0 gets the bare stream, delimited by the end of the connection', async (t) => {
  const { gate, feed } = await start(t, { stream: { initial: 'all' } });
  for (let n = 1; n <= 100; n++) feed.send(`${n}\r\n${'x'.repeat(n * 100)}`);
  const connection = connect(t, { port: gate.port, version: '1.0' });
  await until('100 events', () => connection.events.filter((event) => event.id).length === 100);
  assert.equal(connection.head.headers['transfer-encoding'], undefined);
  for (let n = 101; n <= 200; n++) feed.send(`${n}\r\n`);
  await until('200 events', () => connection.events.filter((event) => event.id).length === 200);
  connection.events.filter((event) => event.id).forEach((event, i) => assert.ok(event.data.startsWith(`${i + 1}\n`)));
  const last = connection.events.at(-1).id.replace(/200$/, '150');
  const later = connect(t, { port: gate.port, version: '1.0', lastEventId: last });
  await until('the replay', () => later.events.filter((event) => event.id).length === 50);
  await gate.stop();
  await until('the end', () => connection.why === 'end' && later.why === 'end');
});

test('heartbeats come where nothing else was sent', async (t) => {
  const { gate, feed } = await start(t, { sse: { retry: '1s', heartbeat: '2s' } });
  const idle = connect(t, { port: gate.port });
  const bare = connect(t, { port: gate.port, version: '1.0' });
  const begun = Date.now();
  await until('4 comments', () => idle.parser.comments >= 4 && bare.parser.comments >= 4);
  const took = Date.now() - begun;
  assert.ok(took > 3000 && took < 12000, `three heartbeats of 2 s took ${took} ms`);
  assert.equal(idle.failure ?? bare.failure, undefined);
  const sending = feed.sendAtRate(20, (n) => `${n}`);
  atEnd(t, () => sending.stop());
  const busy = connect(t, { port: gate.port });
  await until('5 s of events', () => busy.events.length > 100);
  assert.ok(busy.parser.comments <= 1, `${busy.parser.comments} comments beside 20 events/s`);
});

test('all kinds of listeners serve the same stream', async (t) => {
  const feed = await startFeed(t, await freePort());
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tidegate-unix-'));
  atEnd(t, () => fs.rmSync(folder, { recursive: true, force: true }));
  const config = await configFor(feed.url, { workers: 2 });
  const second = await freePort();
  const unix = path.join(folder, 'tidegate.sock');
  const hasIpv6 = Object.values(os.networkInterfaces()).flat().some(({ address }) => address === '::1');
  config.listen.push({ address: '127.0.0.1', port: second }, { unix });
  if (hasIpv6) config.listen.push({ address: '::1', port: await freePort() });
  const gate = await startTidegate(t, config);
  await gate.untilReady();
  const places = [{ port: gate.port }, { port: second }, { unix, port: 0 }];
  if (hasIpv6) places.push({ host: '::1', port: config.listen[3].port, headers: { Host: '[::1]' } });
  const clients = places.map((place) => startClient(t, place));
  for (const client of clients) await client.untilOpen();
  feed.send('to all');
  for (const client of clients) await client.until('the event', () => client.events.some((event) => event.data === 'to all'));
});

test('SIGTERM tells clients a jittered retry, ends their streams properly and the process with 0', async (t) => {
  const { gate } = await start(t, { drain: '500ms', sse: { retry: '1s' } });
  const connections = Array.from({ length: 50 }, () => connect(t, { port: gate.port }));
  await until('all open', () => connections.every((connection) => connection.isOpen));
  await gate.stop();
  await until('all ends', () => connections.every((connection) => connection.why));
  for (const connection of connections) {
    assert.equal(connection.why, 'complete', 'the last chunk is missing');
    assert.ok(connection.parser.retry >= 1000 && connection.parser.retry <= 1500, `retry ${connection.parser.retry}`);
  }
  assert.ok(new Set(connections.map((connection) => connection.parser.retry)).size > 10, 'the retry is not jittered');
});

test('a second signal ends it at once', async (t) => {
  const { gate } = await start(t, { drain: '60s' });
  const connections = Array.from({ length: 20 }, () => connect(t, { port: gate.port }));
  await until('all open', () => connections.every((connection) => connection.isOpen));
  gate.child.kill('SIGTERM');
  await until('the start of the drain', () => connections.some((connection) => connection.why), { timeout: 20000 });
  const begun = Date.now();
  gate.child.kill('SIGTERM');
  await gate.exited;
  assert.ok(Date.now() - begun < 3000);
  gate.wasStopped = true;
});

test('over the limit an EventSource is told to come back later, others get 503', async (t) => {
  const { gate } = await start(t, { limits: { connections: 5 }, sse: { retry: '1s' } });
  const connections = Array.from({ length: 5 }, () => connect(t, { port: gate.port }));
  await until('five clients', () => connections.every((connection) => connection.isOpen));
  const refused = connect(t, { port: gate.port });
  await until('the answer', () => refused.why);
  assert.equal(refused.head.status, 200);
  assert.ok(refused.parser.retry >= 1000, `retry ${refused.parser.retry}`);
  const other = connect(t, { port: gate.port, headers: { Accept: 'text/html' } });
  await until('the answer', () => other.why);
  assert.equal(other.head.status, 503);
  assert.ok(Number(other.head.headers['retry-after']) > 0);
  connections[0].cut();
  const client = startClient(t, { port: gate.port });
  await client.until('a place', () => client.connection.isOpen && !client.connection.why && client.connection.parser.retry === 1000);
});
