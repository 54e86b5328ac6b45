// Several workers on one port: streams of one are read by subscribers of all.
import assert from 'node:assert';
import test from 'node:test';
import { atEnd } from './lib/at-end.mjs';
import { Continuity } from './lib/continuity.mjs';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';

const CLIENTS = 30;
const STREAMS = 5;
const RATE = 150; // of 10 KB, to each stream

async function run(t, workers) {
  const feed = await startFeed(t, await freePort());
  const config = await configFor(feed.url, { workers });
  config.streams = Object.fromEntries(Array.from({ length: STREAMS }, (_, i) => [`s${i}`, {
    ...config.streams.feed, initial: 'all', retain: { events: 500, bytes: '256KiB' },
  }]));
  config.routes = Object.keys(config.streams).map((stream) => ({ path: `/events/${stream}`, stream }));
  const gate = await startTidegate(t, config);
  await gate.untilReady();

  // Slow ones lag on purpose: they stop reading and go on, so that segments leave under them.
  const clients = Array.from({ length: CLIENTS }, (_, i) => {
    const isSlow = i % 6 === 0;
    const continuity = new Continuity({ allowsGaps: isSlow });
    const client = startClient(t, { port: gate.port, path: `/events/s${i % STREAMS}` }, { check: (event) => continuity.take(event), keeps: false });
    return Object.assign(client, { continuity, isSlow });
  });
  await Promise.all(clients.map((client) => client.untilOpen()));
  for (const client of clients) if (client.isSlow) client.connection.socket.pause();
  const pausing = setInterval(() => {
    for (const client of clients) {
      if (!client.isSlow) continue;
      const { socket } = client.connection;
      if (socket.isPaused()) socket.resume();
      else socket.pause();
    }
  }, 5000);
  atEnd(t, () => clearInterval(pausing));
  // The fast ones must not lag only because this machine is busy.
  const fast = clients.filter((client) => !client.isSlow);
  const received = () => Math.min(...fast.map((client) => client.continuity.events));
  const sending = feed.sendAtRate(RATE, (n) => `${n} ${'x'.repeat((n * 131) % 20000)}`, { received, ahead: 10 });
  atEnd(t, () => sending.stop());
  for (const client of fast) await client.untilCount(RATE * 12, { timeout: 120000 });
  clearInterval(pausing);
  const sent = sending.stop();
  for (const client of clients) {
    if (client.connection.socket.isPaused()) client.connection.socket.resume();
    await client.until('the last event', () => Number(client.continuity.lastId.split('-')[1]) === sent, { timeout: 60000 });
    assert.equal(client.connects, 1);
    if (!client.isSlow) assert.equal(client.continuity.events, sent);
  }
  const gaps = clients.reduce((sum, client) => sum + client.continuity.gaps.length, 0);
  assert.ok(gaps > 0, 'no client was slow enough for this test to mean something');
  t.diagnostic(`${sent} events on ${STREAMS} streams to ${CLIENTS} clients, ${workers} workers; ${gaps} gaps of slow clients, all exact`);
}

test('two workers', (t) => run(t, 2));
test('four workers', (t) => run(t, 4));
