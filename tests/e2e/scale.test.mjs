// 10,000 keyed streams come and go, 2,000 sessions are there at once: each gets its own events and all of them, and
// nothing of those that have gone is left: no connection, no descriptor, no memory, no CPU.
import assert from 'node:assert';
import http from 'node:http';
import test from 'node:test';
import { atEnd } from './lib/at-end.mjs';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { cpuSeconds, openFiles, rssBytes } from './lib/proc.mjs';
import { SseConnection, startClient } from './lib/sse-reader.mjs';
import { configFor, isSanitized, isTsan, startTidegate } from './lib/tidegate.mjs';
import { sleep, until } from './lib/wait.mjs';

const MIB = 1 << 20;
const WAVES = 20;
const WARM_UP = 5; // waves after which memory has settled
const KEYS = isTsan ? 100 : 500; // of a wave
const EVENTS = 3; // for each client that comes and goes
const STEADY = 5; // clients that stay
const SESSIONS = 2000;
// The admin connections of this test itself come and go. libcurl keeps two for each 256 upstreams that were there at once.
const MORE_FILES = { websocket: 2, sse: 40 };
// Of 7,500 streams each would leave less than 600 bytes; one takes several KiB. Sanitizers keep what is freed, and tell
// themselves what is lost.
const GROWTH_MAX = isSanitized ? Infinity : 4 * MIB;

// A backend of either kind: `onOpen(connection)` for each connection, which has a path and send(text).
async function startLegacy(t, kind, onOpen) {
  const port = await freePort();
  if (kind === 'websocket') {
    const feed = await startFeed(t, port, {
      onClient: (socket, _, request) => onOpen({ path: request.url, send: (text) => socket.send(text) }),
      backlog: 4096,
    });
    return { url: `ws://127.0.0.1:${port}`, open: () => feed.server.clients.size };
  }
  const answers = new Set();
  const server = http.createServer((request, answer) => {
    answers.add(answer);
    answer.on('close', () => answers.delete(answer));
    answer.on('error', () => {});
    answer.writeHead(200, { 'Content-Type': 'text/event-stream' });
    onOpen({ path: request.url, send: (text) => answer.write(`data: ${text}\n\n`) });
  });
  await new Promise((resolve) => server.listen({ port, host: '127.0.0.1', backlog: 4096 }, resolve));
  atEnd(t, () => server.closeAllConnections());
  atEnd(t, () => server.close());
  return { url: `http://127.0.0.1:${port}`, open: () => answers.size };
}

// Events "<name> 1", "<name> 2", …: which is the next one, and that it is no other.
class Sequence {
  count = 0;

  constructor(name) {
    this.name = name;
  }

  take({ type, data }) {
    if (type === 'tidegate.upstream') return;
    this.name ??= data.split(' ')[0];
    assert.deepEqual([type, data], ['message', `${this.name} ${this.count + 1}`]);
    this.count++;
  }
}

function startSender({ path, send }) {
  let n = 0;
  const sender = { path, sendNext: () => send(`${path} ${++n}`), sent: () => n };
  for (let i = 0; i < EVENTS; i++) sender.sendNext();
  return sender;
}

// The least of a few, for what else the machine does.
async function idleCpu(pid) {
  let least = Infinity;
  for (let i = 0; i < 5 && least > 0.03; i++) {
    const before = cpuSeconds(pid);
    await sleep(1000);
    least = Math.min(least, cpuSeconds(pid) - before);
  }
  return least;
}

// Memory is given back some seconds after a crowd has gone.
async function settledRss(pid) {
  let least = isSanitized ? rssBytes(pid) : Infinity;
  for (const end = Date.now() + 5000; !isSanitized && Date.now() < end; await sleep(100)) least = Math.min(least, rssBytes(pid));
  return least;
}

// What is left when all have gone but those that stay.
async function measure(gate, legacy, staying) {
  const isSettled = async () =>
    legacy.open() === staying && (await gate.metric('tidegate_stream_members')) === staying &&
    (await gate.metric('tidegate_connections', /public/)) === staying;
  await until(() => `all but ${staying} to be gone; ${legacy.open()} backend connections`, isSettled, { every: 100, timeout: 60000 });
  return { files: openFiles(gate.pid), rss: await settledRss(gate.pid) };
}

async function expectAsBefore(t, gate, before, after, moreFiles) {
  await until(() => `${openFiles(gate.pid)} open files, ${before.files} before`, () => openFiles(gate.pid) <= before.files + moreFiles);
  const grown = after.rss - before.rss;
  assert.ok(grown < GROWTH_MAX, `RSS grew by ${(grown / MIB).toFixed(1)} MiB`);
  const cpu = await idleCpu(gate.pid);
  assert.ok(cpu <= 0.03, `idle, it takes ${(cpu * 100).toFixed(1)} % of a core`);
  t.diagnostic(`RSS ${(before.rss / MIB).toFixed(1)} MiB ${grown < 0 ? '' : '+'}${(grown / MIB).toFixed(2)} MiB; idle CPU ${(cpu * 100).toFixed(1)} %`);
}

// Comes, gets the first events, goes.
function comeAndGo(port, path, mode) {
  return new Promise((resolve, reject) => {
    const sequence = new Sequence(path);
    const connection = new SseConnection({ port, path });
    connection.on('failure', reject);
    connection.on('close', (why) => (why === 'cut' ? resolve() : reject(new Error(`${path}: ${why} after ${sequence.count} events`))));
    connection.on('event', (event) => {
      try {
        sequence.take(event);
      } catch (error) {
        reject(error);
      }
      if (sequence.count === EVENTS) connection.cut(mode);
    });
  });
}

async function wave(port, number) {
  const keys = Array.from({ length: KEYS }, (_, i) => `/k/${number}-${i}`);
  await Promise.all(keys.map((path, i) => comeAndGo(port, path, i % 2 ? 'rst' : 'fin')));
}

async function comeAndGoInWaves(t, kind) {
  const steady = [];
  const legacy = await startLegacy(t, kind, (connection) => {
    const sender = startSender(connection);
    if (connection.path.startsWith('/k/steady')) steady.push(sender);
  });
  const config = await configFor(`${legacy.url}/k/{key}`, {
    workers: 2,
    limits: { upstream_connects: { per_second: 0 } },
    log: { format: 'json', level: 'warning' },
    upstream: { kind, linger: '200ms' },
    stream: { scope: 'keyed', parameters: { key: {} }, initial: 'all' },
  });
  config.routes = [{ path: '/k/{key}', stream: 'feed' }];
  const gate = await startTidegate(t, config);
  const sequences = Array.from({ length: STEADY }, (_, i) => new Sequence(`/k/steady${i}`));
  const clients = sequences.map((sequence) =>
    startClient(t, { port: gate.port, path: sequence.name }, { check: (event) => sequence.take(event), keeps: false }));
  await until('the connections of those who stay', () => steady.length === STEADY);
  const timer = setInterval(() => steady.forEach((sender) => sender.sendNext()), 5);
  atEnd(t, () => clearInterval(timer));

  let before;
  for (let number = 1; number <= WAVES; number++) {
    await wave(gate.port, number);
    if (number === WARM_UP) before = await measure(gate, legacy, STEADY);
  }
  clearInterval(timer);
  await expectAsBefore(t, gate, before, await measure(gate, legacy, STEADY), MORE_FILES[kind]);
  for (const [i, client] of clients.entries()) {
    const { sent } = steady.find(({ path }) => path === sequences[i].name);
    await client.until(`all ${sent()} events`, () => sequences[i].count === sent());
    assert.equal(client.connects, 1);
  }
  assert.equal(await gate.metric('tidegate_stream_members_opened_total'), WAVES * KEYS + STEADY);
}

test('10,000 keyed streams over WebSocket come and go', (t) => comeAndGoInWaves(t, 'websocket'));
test('10,000 keyed streams over HTTP come and go', (t) => comeAndGoInWaves(t, 'sse'));

test('2,000 sessions at once, all cut and resumed', async (t) => {
  const senders = [];
  const legacy = await startLegacy(t, 'websocket', ({ send }) => senders.push(startSender({ path: `session${senders.length}`, send })));
  const gate = await startTidegate(t, await configFor(legacy.url, {
    workers: 2,
    limits: { upstream_connects: { per_second: 0 } },
    log: { format: 'json', level: 'warning' },
    upstream: { linger: '10s' },
    stream: { scope: 'client' },
  }));
  const before = await measure(gate, legacy, 0);
  const sequences = Array.from({ length: SESSIONS }, () => new Sequence());
  const total = () => sequences.reduce((sum, { count }) => sum + count, 0);
  const untilAll = (each) => until(() => `${each} events for each; ${total()} so far`, () => total() === each * SESSIONS);
  const start = (lastIds = []) => sequences.map((sequence, i) =>
    startClient(t, { port: gate.port, lastEventId: lastIds[i] }, { check: (event) => sequence.take(event), keeps: false }));

  let clients = start();
  await untilAll(EVENTS);
  assert.equal(new Set(sequences.map(({ name }) => name)).size, SESSIONS, 'each has a session of its own');
  senders.forEach((sender) => sender.sendNext());
  await untilAll(EVENTS + 1);

  clients.forEach((client) => client.stop());
  await until('nobody to be there', async () => (await gate.metric('tidegate_subscribers', /public/)) === 0);
  senders.forEach((sender) => sender.sendNext());
  clients = start(clients.map(({ lastEventId }) => lastEventId));
  senders.forEach((sender) => sender.sendNext());
  await untilAll(EVENTS + 3);
  assert.equal(senders.length, SESSIONS, 'a session keeps its connection to the backend');
  assert.ok(clients.every(({ connects }) => connects === 1));

  clients.forEach((client) => client.stop());
  await expectAsBefore(t, gate, before, await measure(gate, legacy, 0), MORE_FILES.websocket);
});
