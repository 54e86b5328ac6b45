// A client that stops reading costs no memory and slows nobody; what it missed it is told exactly.
import assert from 'node:assert';
import fs from 'node:fs';
import test from 'node:test';
import { atEnd } from './lib/at-end.mjs';
import { makeAuthority } from './lib/certificates.mjs';
import { Continuity } from './lib/continuity.mjs';
import { startCuttingProxy } from './lib/cutting-proxy.mjs';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { rssBytes, watchPeak } from './lib/proc.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, isSanitized, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const MIB = 1 << 20;
// As much as a minute at 1 MB/s brings, in a tenth of the time (TIDEGATE_REAL_TIME=1 takes the whole minute).
const MESSAGE = 16384;
const FAST = 640;
const RATE = process.env.TIDEGATE_REAL_TIME ? 64 : FAST;
const FROZEN_EVENTS = (60 * MIB) / MESSAGE;
const RETAIN = { events: 1000000, bytes: '4MiB' };
// The sanitizers' own bookkeeping grows with what is freed.
const RSS_SLACK = isSanitized ? 48 * MIB : 10 * MIB;

const message = (n) => `${n}\n`.padEnd(MESSAGE, 'abcdefghijklmno\n');

function checked(t, place, { allowsGaps }) {
  const continuity = new Continuity({ allowsGaps });
  const check = (event) => {
    continuity.take(event);
    if (event.id !== null) assert.equal(event.data, message(Number(continuity.lastId.split('-')[1])));
  };
  return Object.assign(startClient(t, place, { check, keeps: false }), { continuity });
}

async function runFrozen(t, { workers = 1, isTls = false, version = '1.1' }) {
  const feed = await startFeed(t, await freePort());
  const config = await configFor(feed.url, { workers, stream: { retain: RETAIN } });
  const how = { version };
  if (isTls) {
    const authority = makeAuthority(t);
    config.listen[0].tls = authority.issue('gate');
    how.tlsOptions = { ca: fs.readFileSync(authority.ca), servername: 'gate' };
  }
  const gate = await startTidegate(t, config);
  const proxy = await startCuttingProxy(t, { port: gate.port, host: '127.0.0.1' }, await freePort());
  await gate.untilReady();
  const healthy = [];
  for (let i = 0; i < 3; i++) healthy.push(checked(t, { port: gate.port, ...how }, { allowsGaps: false }));
  const frozen = checked(t, { port: proxy.port, ...how }, { allowsGaps: true });
  for (const client of [...healthy, frozen]) await client.untilOpen();

  // The others must not lag only because this machine is busy.
  const paced = new Set([...healthy, frozen]);
  const received = () => Math.min(...[...paced].map((client) => client.continuity.events));
  const sending = feed.sendAtRate(RATE, message, { received, ahead: (1 * MIB) / MESSAGE });
  atEnd(t, () => sending.stop());
  // Until the stream's memory has reached what it may hold.
  for (const client of [...healthy, frozen]) await client.untilCount((16 * MIB) / MESSAGE, { timeout: 120000 });
  const rss = watchPeak(() => rssBytes(gate.pid));
  const before = rssBytes(gate.pid);
  proxy.freeze();
  paced.delete(frozen);
  const countAtFreeze = healthy[0].count;
  for (const client of healthy) await client.untilCount(countAtFreeze + FROZEN_EVENTS, { timeout: 300000 });
  const peak = rss.stop();
  assert.ok(frozen.count < countAtFreeze + FROZEN_EVENTS / 2, 'the client was not really frozen');
  assert.ok(peak - before < RSS_SLACK, `RSS grew by ${((peak - before) / MIB).toFixed(1)} MiB while a client was frozen`);
  assert.ok((await gate.metric('tidegate_stream_memory_bytes')) < 8 * MIB, 'the stream holds more than it may');

  proxy.thaw();
  await frozen.until('a gap event', () => frozen.continuity.gaps.length > 0, { timeout: 60000 });
  const [gap] = frozen.continuity.gaps;
  const { events } = frozen.continuity;
  await frozen.until('events after the gap', () => frozen.continuity.events > events + 300, { timeout: 60000 });
  assert.equal(frozen.connects, 1, 'the frozen client did not stay connected');
  // Further gaps, where this machine is too busy for it to catch up, were found exact as well, or it had failed.
  assert.equal(gap.reason, 'lagged');
  assert.ok(gap.missed > 0 && gap.after && gap.before);
  for (const client of healthy) {
    assert.equal(client.connects, 1);
    assert.equal(client.continuity.gaps.length, 0);
  }
  t.diagnostic(`frozen for ${FROZEN_EVENTS} events of ${MESSAGE} B: RSS ${(before / MIB).toFixed(1)} -> peak ${(peak / MIB).toFixed(1)} MiB, gap of ${gap.missed}`);
}

test('a frozen client: flat memory, others unaffected, then an exact gap', (t) => runFrozen(t, {}));
test('a frozen client on another worker than the stream', (t) => runFrozen(t, { workers: 2 }));
test('a frozen client over HTTPS', (t) => runFrozen(t, { workers: 2, isTls: true }));
test('a frozen client over HTTP/1.0', (t) => runFrozen(t, { version: '1.0' }));

test('a client that takes nothing for stall_timeout is closed, and comes back to an exact gap', async (t) => {
  const feed = await startFeed(t, await freePort());
  const gate = await startTidegate(t, await configFor(feed.url, {
    // Who acknowledges nothing for a heartbeat, as some kernels do whose buffers are full, counts as lost.
    sse: { retry: '100ms', heartbeat: '1m', stall_timeout: '1s' },
    stream: { retain: { events: 50, bytes: '4MiB' } },
  }));
  const proxy = await startCuttingProxy(t, { port: gate.port, host: '127.0.0.1' }, await freePort());
  await gate.untilReady();
  const healthy = checked(t, { port: gate.port }, { allowsGaps: false });
  const stalled = checked(t, { port: proxy.port }, { allowsGaps: true });
  await Promise.all([healthy.untilOpen(), stalled.untilOpen()]);
  const sending = feed.sendAtRate(FAST, message, { received: () => healthy.continuity.events, ahead: 25 });
  atEnd(t, () => sending.stop());
  await stalled.untilCount(100);
  proxy.freeze();
  await until('the end of the stalled client', async () => (await gate.metric('tidegate_connections_closed_total', /reason="stall"/)) === 1, { timeout: 60000, every: 100 });
  proxy.cutAll('rst');
  const { events } = stalled.continuity;
  await stalled.until('a gap event', () => stalled.continuity.gaps.length > 0);
  await stalled.until('events after it', () => stalled.continuity.events > events + 100);
  assert.equal(stalled.continuity.gaps[0].reason, 'evicted');
  assert.equal(healthy.connects, 1);
  assert.ok(gate.log.items.some((line) => line.reason === 'stall'), 'the log does not say why the client was closed');
});
