// 1,000 reconnects at random moments, also in the middle of an event, under 1,000 events/s: no loss, no
// duplicate, order kept.
import assert from 'node:assert';
import test from 'node:test';
import { atEnd } from './lib/at-end.mjs';
import { Continuity } from './lib/continuity.mjs';
import { startCuttingProxy } from './lib/cutting-proxy.mjs';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, isTsan, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const RECONNECTS = isTsan ? 300 : 1000;
const CLIENTS = 20;
const RATE = 1000;

// A message that says its number, of very different lengths and with line ends inside.
function message(n) {
  const size = n % 97 === 0 ? 9000 : (n * 7919) % 400;
  return `${n}\n${'x\r\ny'.repeat(size / 4)}`;
}

const random = (least, most) => least + Math.floor(Math.random() * (most - least));

function startCutClient(t, port, sayReconnect) {
  const continuity = new Continuity();
  const check = (event) => {
    continuity.take(event);
    if (event.id !== null) assert.ok(event.data.startsWith(`${continuity.events}\n`), `event ${continuity.events} holds another message`);
  };
  const client = startClient(t, { port }, { check, keeps: false });
  const start = client.start.bind(client);
  client.start = () => {
    sayReconnect();
    return start();
  };
  client.continuity = continuity;
  return client;
}

async function run(t, workers) {
  const feed = await startFeed(t, await freePort());
  const gate = await startTidegate(t, await configFor(feed.url, { workers, stream: { initial: 'all' } }));
  const proxy = await startCuttingProxy(t, { port: gate.port, host: '127.0.0.1' }, await freePort(), {
    plan: () => ({ afterBytes: random(1, 60000), mode: Math.random() < 0.5 ? 'fin' : 'rst' }),
  });
  await gate.untilReady();

  let reconnects = 0;
  const sayReconnect = () => reconnects++;
  const clients = [];
  for (let i = 0; i < CLIENTS; i++) {
    clients.push(startCutClient(t, i % 2 ? proxy.port : gate.port, sayReconnect));
  }
  await Promise.all(clients.map((client) => client.untilOpen()));
  const sending = feed.sendAtRate(RATE, message);
  const cutter = setInterval(() => {
    const client = clients[2 * random(0, CLIENTS / 2)];
    if (client.connection.isOpen) client.cut(Math.random() < 0.5 ? 'fin' : 'rst');
  }, 10);
  atEnd(t, () => clearInterval(cutter));
  const start = Date.now();
  await until(() => `${RECONNECTS} reconnects, ${reconnects} so far`, () => {
    for (const client of clients) if (client.failure) throw client.failure;
    return reconnects >= RECONNECTS;
  }, { timeout: 240000 });
  clearInterval(cutter);
  proxy.plan = () => null;
  const sent = sending.stop();
  const seconds = (Date.now() - start) / 1000;
  for (const pair of proxy.pairs) pair.cut = null;

  for (const client of clients) {
    await client.until(`all ${sent} events`, () => client.continuity.events >= sent, { timeout: 60000 });
    assert.equal(client.continuity.events, sent);
    assert.equal(client.continuity.first.seq, 1);
  }
  t.diagnostic(`${reconnects} reconnects (${proxy.cuts} by the proxy), ${sent} events in ${seconds.toFixed(1)} s, ${CLIENTS} clients`);
}

test('1,000 reconnects under 1,000 events/s lose and double nothing', (t) => run(t, 1));
test('1,000 reconnects with two workers lose and double nothing', (t) => run(t, 2));
