// HTTPS to clients and WSS to the backend, with a CA of the test's own.
import assert from 'node:assert';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import test from 'node:test';
import tls from 'node:tls';
import { atEnd } from './lib/at-end.mjs';
import { makeAuthority } from './lib/certificates.mjs';
import { Continuity } from './lib/continuity.mjs';
import { startFeed } from './lib/feed.mjs';
import { differences, END, sendAll } from './lib/payloads.mjs';
import { freePort } from './lib/ports.mjs';
import { cpuSeconds, openFiles } from './lib/proc.mjs';
import { SseConnection, startClient } from './lib/sse-reader.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { sleep, until } from './lib/wait.mjs';

async function start(t, parts) {
  const authority = makeAuthority(t);
  const server = authority.issue('gate');
  const backend = authority.issue('backend');
  const feed = await startFeed(t, await freePort(), {
    tlsOptions: { key: fs.readFileSync(backend.key), cert: fs.readFileSync(backend.certificate) },
    ...parts?.feed,
  });
  const config = await configFor(feed.url, {
    upstream: { tls: { ca: authority.ca }, ...parts?.upstream },
    stream: { initial: 'all' },
    workers: 2,
  });
  config.listen[0].tls = server;
  const gate = await startTidegate(t, config);
  const tlsOptions = { ca: fs.readFileSync(authority.ca), servername: 'gate' };
  return { authority, feed, gate, tlsOptions };
}

test('every payload over WSS in and HTTPS out', async (t) => {
  const { gate, tlsOptions } = await start(t, { feed: { onClient: (socket) => sendAll(socket) } });
  await gate.untilReady();
  const client = startClient(t, { port: gate.port, tlsOptions });
  await client.until('the last payload', () => client.events.at(-1)?.data === END);
  assert.deepEqual(differences(client.events.filter((event) => event.id !== null)), []);
});

test('nothing lost over 100 cut HTTPS connections', async (t) => {
  const { gate, feed, tlsOptions } = await start(t);
  await gate.untilReady();
  const clients = Array.from({ length: 5 }, () => {
    const continuity = new Continuity();
    const client = startClient(t, { port: gate.port, tlsOptions }, { check: (event) => continuity.take(event), keeps: false });
    return Object.assign(client, { continuity });
  });
  const sending = feed.sendAtRate(500, (n) => `${n} ${'x'.repeat((n * 17) % 3000)}`);
  atEnd(t, () => sending.stop());
  for (let cut = 0; cut < 20; cut++) {
    for (const client of clients) {
      await client.until('an open stream', () => client.connection.isOpen && client.continuity.events > 10 * cut);
      client.cut();
    }
  }
  const sent = sending.stop();
  for (const client of clients) {
    await client.until('all events', () => client.continuity.events >= sent);
    assert.equal(client.continuity.events, sent);
  }
});

test('TLS 1.2 and 1.3 are spoken, nothing older', async (t) => {
  const { gate, tlsOptions } = await start(t);
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const connection = new SseConnection({ port: gate.port, tlsOptions: { ...tlsOptions, minVersion: version, maxVersion: version } });
    atEnd(t, () => connection.socket.destroy());
    await until(`an answer over ${version}`, () => connection.isOpen);
    assert.equal(connection.socket.getProtocol(), version);
  }
  await assert.rejects(new Promise((resolve, reject) => {
    const socket = tls.connect({ port: gate.port, host: '127.0.0.1', ...tlsOptions, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }, resolve);
    socket.on('error', reject);
  }));
});

test('curl accepts the certificate', async (t) => {
  const { gate, authority } = await start(t, { feed: { onClient: (socket) => socket.send('hello') } });
  await gate.untilReady();
  const args = ['--silent', '--no-buffer', '--max-time', '2', '--cacert', authority.ca, '--resolve', `gate:${gate.port}:127.0.0.1`];
  const answer = spawnSync('curl', [...args, `https://gate:${gate.port}/events`]);
  assert.match(answer.stdout.toString(), /data: hello\n/);
});

test('a backend whose certificate does not fit is refused', async (t) => {
  const authority = makeAuthority(t);
  const wrong = authority.issue('wrong', 'DNS:elsewhere.example');
  const feed = await startFeed(t, await freePort(), {
    tlsOptions: { key: fs.readFileSync(wrong.key), cert: fs.readFileSync(wrong.certificate) },
  });
  const gate = await startTidegate(t, await configFor(feed.url, { upstream: { tls: { ca: authority.ca } } }));
  await until('failed attempts', async () => (await gate.metric('tidegate_upstream_failures_total', /reason="tls"/)) >= 2);
  assert.equal(feed.connections.items.length, 0);
  assert.ok(!(await gate.isReady()));
});

test('a backend of an unknown authority is refused, unless told not to verify, which is warned of', async (t) => {
  const authority = makeAuthority(t);
  const backend = authority.issue('backend');
  const feed = await startFeed(t, await freePort(), {
    tlsOptions: { key: fs.readFileSync(backend.key), cert: fs.readFileSync(backend.certificate) },
  });
  const strict = await startTidegate(t, await configFor(feed.url, {}));
  await until('failed attempts', async () => (await strict.metric('tidegate_upstream_failures_total', /reason="tls"/)) >= 2);
  assert.equal(feed.connections.items.length, 0);
  const lax = await startTidegate(t, await configFor(feed.url, { upstream: { tls: { verify: false } } }));
  await lax.untilReady();
  assert.ok(lax.log.items.some((line) => line.level === 'warning'), `no warning:\n${lax.stderr}`);
});

test('1,000 clients that leave in the middle of a handshake or of a stream leave nothing behind', async (t) => {
  const { gate, feed, tlsOptions } = await start(t);
  await gate.untilReady();
  const sending = feed.sendAtRate(200, (n) => `${n} ${'x'.repeat(2000)}`);
  atEnd(t, () => sending.stop());
  const isGone = () => gate.metric('tidegate_connections', /public/).then((count) => count === 0);
  const files = openFiles(gate.pid);
  let next = 0;
  const one = async () => {
    while (next < 1000) await leaveSomewhere(gate.port, tlsOptions, next++);
  };
  await Promise.all(Array.from({ length: 20 }, one));
  sending.stop();
  await until('all to be gone', isGone, { every: 100 });
  await until(() => `${openFiles(gate.pid)} open files, ${files} before`, () => openFiles(gate.pid) <= files + 2);
  const before = cpuSeconds(gate.pid);
  await sleep(2000);
  assert.ok(cpuSeconds(gate.pid) - before <= 0.1, 'it is busy with nobody there');
});

// Cuts the connection of client number n after some bytes of TLS, or once the stream has begun.
function leaveSomewhere(port, tlsOptions, n) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    const leave = () => (n % 2 ? socket.resetAndDestroy() : socket.destroy());
    socket.on('error', () => {});
    socket.on('close', resolve);
    if (n % 4 === 0) {
      socket.write(Buffer.from('16030100f8010000f40303'.padEnd(22 + 2 * (n % 200), '0'), 'hex'), leave);
      return;
    }
    const secure = tls.connect({ socket, ...tlsOptions });
    secure.on('error', () => {});
    if (n % 8 === 1) secure.once('secureConnect', leave);
    else if (n % 8 === 5) socket.once('connect', () => setImmediate(leave));
    else {
      secure.write('GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
      secure.once('data', () => (n % 8 === 2 ? secure.end() : leave()));
      secure.on('close', () => socket.destroy());
    }
  });
}

test('plain HTTP on the HTTPS port, and half a handshake, harm nobody', async (t) => {
  const { gate, tlsOptions, feed } = await start(t);
  await gate.untilReady();
  const client = startClient(t, { port: gate.port, tlsOptions });
  await client.untilOpen();
  for (let i = 0; i < 20; i++) {
    const plain = new SseConnection({ port: gate.port });
    plain.on('failure', () => {});
    atEnd(t, () => plain.socket.destroy());
  }
  feed.send('still here');
  await client.until('the event', () => client.events.some((event) => event.data === 'still here'));
  assert.equal(client.connects, 1);
});
