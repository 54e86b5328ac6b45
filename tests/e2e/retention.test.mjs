// What is kept, by events, bytes and age; what a client without an id gets; what ids of any shape lead to.
import assert from 'node:assert';
import test from 'node:test';
import { GAP, splitId } from './lib/continuity.mjs';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const isData = (event) => event.id !== null;
const dataOf = (client) => client.events.filter(isData).map((event) => event.data);
const range = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => `${first + i}`);
const MARK = 'mark';

// A stream that holds the messages "1" … `count`, all appended.
async function startHolding(t, count, stream, parts, make = (n) => `${n}`) {
  const feed = await startFeed(t, await freePort());
  const gate = await startTidegate(t, await configFor(feed.url, { stream, ...parts }));
  await gate.untilReady();
  for (let n = 1; n <= count; n++) feed.send(make(n));
  await until('all messages', async () => (await gate.metric('tidegate_stream_last_seq')) === count);
  return { feed, gate };
}

// Everything a new client gets at once: a live message closes it.
async function firstSight(t, { feed, gate }, options) {
  const client = startClient(t, { port: gate.port, ...options });
  await client.untilOpen();
  await until('the subscriber', async () => (await gate.metric('tidegate_subscribers', /public/)) >= 1);
  feed.send(MARK);
  await client.until('the live message', () => client.events.at(-1)?.data === MARK);
  client.stop();
  await until('its end', async () => (await gate.metric('tidegate_subscribers', /public/)) === 0);
  return client.events.slice(0, -1);
}

const epochOf = (events) => splitId(events.find(isData).id).epoch;

test('initial: live, last and all', async (t) => {
  for (const [initial, expected] of [
    ['live', []],
    [{ last: 1 }, range(100, 100)],
    [{ last: 7 }, range(94, 100)],
    [{ last: 1000 }, range(1, 100)],
    ['all', range(1, 100)],
  ]) {
    const place = await startHolding(t, 100, { initial });
    const events = await firstSight(t, place);
    assert.deepEqual(events.filter(isData).map((event) => event.data), expected, JSON.stringify(initial));
    assert.ok(!events.some((event) => event.type === GAP), 'a client without an id has no gap');
    await place.gate.stop();
  }
});

test('retention by events keeps exactly so many, and older ids lead to an exact gap', async (t) => {
  const place = await startHolding(t, 1000, { initial: 'all', retain: { events: 100, bytes: '16MiB' } });
  const all = await firstSight(t, place);
  assert.deepEqual(all.filter(isData).map((event) => event.data), range(901, 1000));
  const epoch = epochOf(all);
  // The mark was an event too: from now on 902 … 1001 are there.
  for (const seq of [1, 899, 900]) {
    const client = startClient(t, { port: place.gate.port, lastEventId: `${epoch}-${seq}` });
    await client.until('the mark', () => client.events.at(-1)?.data === MARK);
    const gap = JSON.parse(client.events.find((event) => event.type === GAP).data);
    const first = client.events.find(isData);
    assert.equal(first.data, '902');
    assert.deepEqual(gap, { reason: 'evicted', missed: splitId(first.id).seq - seq - 1, after: `${epoch}-${seq}`, before: first.id });
    client.stop();
  }
  const client = startClient(t, { port: place.gate.port, lastEventId: all.filter(isData).at(-1).id });
  await client.until('the mark', () => client.events.at(-1)?.data === MARK);
  assert.ok(!client.events.some((event) => event.type === GAP), 'a known id has no gap');
});

test('retention by bytes holds the stream under its limit', async (t) => {
  const place = await startHolding(t, 2000, { initial: 'all', retain: { events: 1000000, bytes: '256KiB' } }, {}, (n) => `${n} ${'x'.repeat(1000)}`);
  const events = (await firstSight(t, place)).filter(isData);
  const bytes = events.reduce((sum, event) => sum + event.data.length, 0);
  assert.ok(bytes <= 256 * 1024 && bytes > 200 * 1024, `${bytes} bytes of data are there`);
  assert.deepEqual(events.map((event) => Number(event.data.split(' ')[0])), range(2001 - events.length, 2000).map(Number));
  const samples = await place.gate.metrics();
  const retained = Object.entries(samples).find(([name]) => name.startsWith('tidegate_stream_retained_bytes'))[1];
  assert.ok(retained <= 256 * 1024, `${retained} bytes retained`);
});

test('retention by age forgets old events without new ones coming', async (t) => {
  const place = await startHolding(t, 50, { initial: 'all', retain: { events: 1000, bytes: '1MiB', age: '2s' } });
  const fresh = startClient(t, { port: place.gate.port });
  await fresh.until('all events', () => dataOf(fresh).length === 50);
  const { lastEventId } = fresh;
  fresh.stop();
  await until('nothing retained', async () => (await place.gate.metric('tidegate_stream_retained_events')) === 0, { every: 100 });
  assert.deepEqual((await firstSight(t, place)).filter(isData), []);
  const { epoch } = splitId(lastEventId);
  const client = startClient(t, { port: place.gate.port, lastEventId: `${epoch}-10` });
  await client.until('a gap', () => client.events.some((event) => event.type === GAP));
  const gap = JSON.parse(client.events.find((event) => event.type === GAP).data);
  assert.equal(gap.reason, 'evicted');
  assert.equal(gap.after, `${epoch}-10`);
});

test('after_gap: live goes on at the end', async (t) => {
  const place = await startHolding(t, 300, { initial: 'all', after_gap: 'live', retain: { events: 100, bytes: '1MiB' } });
  const { epoch } = splitId((await firstSight(t, place)).find(isData).id);
  const client = startClient(t, { port: place.gate.port, lastEventId: `${epoch}-50` });
  await client.until('a gap', () => client.events.some((event) => event.type === GAP));
  place.feed.send('next');
  await client.until('the next event', () => client.events.at(-1)?.data === 'next');
  assert.deepEqual(dataOf(client), ['next']);
  const gap = JSON.parse(client.events.find((event) => event.type === GAP).data);
  assert.deepEqual(gap, { reason: 'evicted', missed: 251, after: `${epoch}-50`, before: null });
});

test('ids of any shape are safe, and none leads to a silent loss', async (t) => {
  const place = await startHolding(t, 10, { initial: 'live' });
  const known = await (async () => {
    const client = startClient(t, { port: place.gate.port });
    await client.untilOpen();
    place.feed.send('11');
    await client.until('an event', () => dataOf(client).length === 1);
    client.stop();
    return splitId(client.lastEventId);
  })();
  const { epoch } = known;
  const ids = ['x', '0', `${epoch}`, `${epoch}-`, `${epoch}-0x1`, `${epoch}-01`, `${epoch}-+1`, `${epoch}--1`, `${epoch}-12`,
    `${epoch}-18446744073709551615`, `${epoch}-18446744073709551616`, `${epoch}-99999999999999999999999999`, 'other-3',
    `${epoch}-5 x`, '%00', '"};{', '<script>', 'x'.repeat(128), 'x'.repeat(129), 'x'.repeat(4000), 'é😀', '../../etc/passwd', '%s%n%d'];
  for (const lastEventId of ids) {
    const client = startClient(t, { port: place.gate.port, lastEventId });
    await client.until(`a gap for ${lastEventId.slice(0, 40)}`, () => client.events.some((event) => event.type === GAP));
    const gap = JSON.parse(client.events.find((event) => event.type === GAP).data);
    assert.ok(['unknown', 'epoch'].includes(gap.reason), `${lastEventId}: ${gap.reason}`);
    assert.equal(gap.missed, null);
    await client.until('the retained events', () => dataOf(client).length === 11);
    assert.equal(gap.before, client.events.find(isData).id);
    client.stop();
  }
});

test('the Last-Event-ID header wins over the query, and each query name counts', async (t) => {
  const place = await startHolding(t, 10, { initial: 'live' });
  const client = startClient(t, { port: place.gate.port });
  await client.untilOpen();
  place.feed.send('11');
  await client.until('an event', () => dataOf(client).length === 1);
  client.stop();
  const { epoch } = splitId(client.lastEventId);
  for (const name of ['lastEventId', 'last_event_id', 'lastEventID', 'evs_last_event_id']) {
    const path = `/events?${name}=${epoch}-9`;
    const byQuery = startClient(t, { port: place.gate.port, path });
    await byQuery.until('the replay', () => dataOf(byQuery).length === 2);
    assert.deepEqual(dataOf(byQuery), ['10', '11']);
    byQuery.stop();
    const byHeader = startClient(t, { port: place.gate.port, path, lastEventId: `${epoch}-10` });
    await byHeader.until('the replay', () => dataOf(byHeader).length === 1);
    assert.deepEqual(dataOf(byHeader), ['11']);
    byHeader.stop();
  }
});
