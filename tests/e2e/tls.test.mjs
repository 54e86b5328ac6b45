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
    ...(parts?.limits && { limits: parts.limits }),
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

// What a handshake comes to: the socket, or an error's code.
function shakeHands(port, options) {
  return new Promise((resolve) => {
    const socket = tls.connect({ port, host: '127.0.0.1', ...options });
    socket.on('secureConnect', () => resolve(socket));
    socket.on('error', (error) => resolve(error.code));
    socket.on('close', () => resolve('closed'));
  });
}

test('clients cannot choose a key exchange that costs many times what it costs them', async (t) => {
  const { gate, tlsOptions } = await start(t);
  for (const group of ['X25519', 'P-256', 'P-384']) {
    const socket = await shakeHands(gate.port, { ...tlsOptions, ecdhCurve: group });
    assert.ok(socket instanceof tls.TLSSocket, `${group}: ${socket}`);
    socket.destroy();
  }
  for (const group of ['ffdhe2048', 'ffdhe8192', 'P-521', 'X448'])
    assert.match(String(await shakeHands(gate.port, { ...tlsOptions, ecdhCurve: group })), /HANDSHAKE_FAILURE/, group);
  const old = { ...tlsOptions, maxVersion: 'TLSv1.2' };
  assert.match(String(await shakeHands(gate.port, { ...old, ciphers: 'kDHE:kRSA' })), /HANDSHAKE_FAILURE/);
  const socket = await shakeHands(gate.port, old);
  const error = await new Promise((resolve) => {
    socket.renegotiate({}, resolve);
    socket.on('error', resolve);
  });
  assert.ok(error, 'a handshake within a connection is refused');
  socket.destroy();
});

test('nor can backends', async (t) => {
  const authority = makeAuthority(t);
  const { key, certificate } = authority.issue('backend');
  const files = { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) };
  const costly = { groups: { ecdhCurve: 'ffdhe8192' }, 'finite fields of TLS 1.2': { maxVersion: 'TLSv1.2', ciphers: 'kDHE', dhparam: 'auto' } };
  for (const [name, options] of Object.entries(costly))
    for (const kind of ['websocket', 'sse']) {
      const server = tls.createServer({ ...files, ...options });
      server.on('tlsClientError', () => {});
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      atEnd(t, () => server.close());
      const scheme = kind === 'websocket' ? 'wss' : 'https';
      const url = `${scheme}://127.0.0.1:${server.address().port}/`;
      const gate = await startTidegate(t, await configFor(url, { upstream: { kind, tls: { ca: authority.ca } } }));
      await until(`${kind}, ${name}: a failed handshake`, async () => (await gate.metric('tidegate_upstream_failures_total', /reason="tls"/)) >= 1);
      await gate.stop();
    }
});

test('an address that begins too many handshakes is refused, and has others later', async (t) => {
  const { gate, tlsOptions } = await start(t, { limits: { tls_handshakes_per_address: { per_second: 1, burst: 3 } } });
  const sockets = await Promise.all(Array.from({ length: 8 }, () => shakeHands(gate.port, tlsOptions)));
  const good = sockets.filter((socket) => socket instanceof tls.TLSSocket);
  assert.ok(good.length >= 3 && good.length <= 5, `${good.length} of 8`);
  good.forEach((socket) => socket.destroy());
  assert.equal(await gate.metric('tidegate_tls_handshakes_refused_total', /public/), 8 - good.length);
  await until('another handshake', async () => (await shakeHands(gate.port, tlsOptions)) instanceof tls.TLSSocket, { every: 200 });
  const client = startClient(t, { port: gate.port, tlsOptions });
  await client.untilOpen();
});

test('handshakes over the rate wait, each is done, and those who are there notice nothing', async (t) => {
  const { gate, feed, tlsOptions } = await start(t, { limits: { tls_handshakes: { per_second: 20, burst: 2 } } });
  await gate.untilReady();
  const client = startClient(t, { port: gate.port, tlsOptions });
  await client.untilOpen();
  const begun = performance.now();
  const crowd = Array.from({ length: 22 }, () => shakeHands(gate.port, tlsOptions));
  await until('some to be held', async () => (await gate.metric('tidegate_tls_handshakes_delayed_total', /public/)) > 10);
  feed.send('hello');
  await client.until('an event', () => client.events.some((event) => event.data === 'hello'));
  for (const socket of await Promise.all(crowd)) {
    assert.ok(socket instanceof tls.TLSSocket, `${socket}`);
    socket.destroy();
  }
  const took = performance.now() - begun;
  assert.ok(took > 900, `${took} ms for 22 at 20 a second`);
  assert.equal(await gate.metric('tidegate_tls_handshakes_refused_total', /public/), 0);
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
