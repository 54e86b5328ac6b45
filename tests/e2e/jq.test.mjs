// jq filters: slow ones, ones that run away or die, and many of them. Nobody else waits, and order is kept.
import assert from 'node:assert';
import fs from 'node:fs';
import http from 'node:http';
import test from 'node:test';
import { atEnd } from './lib/at-end.mjs';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, isSanitized, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

// A message may ask for a while, for ever, or for an error.
const FILTER = `(if .wait then (now + .wait) as $due | until(now >= $due; .)
  elif .runs then until(false; .) elif .fails then error("x") else . end) | .n`;
const translate = { jq: FILTER, jq_timeout: '10s', on_misfit: 'error_event' };
const STREAMS = isSanitized ? 20 : 100;
const at = (gate, path = '/events') => ({ port: gate.port, path });
const datas = (client, type = 'message') => client.events.filter((event) => event.type === type).map((event) => event.data);

// The processes of filters that Tidegate has now.
function filtersOf(pid) {
  const found = [];
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = fs.readFileSync(`/proc/${name}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ');
      if (Number(fields[1]) === pid && fields[0] !== 'Z') found.push({ pid: Number(name), ticks: Number(fields[11]) });
    } catch {
      // it has gone meanwhile
    }
  }
  return found;
}

async function start(t, feed, { rules = translate, stream = {}, ...rest } = {}) {
  const config = await configFor(feed.url, { stream: { translate: rules, initial: 'all', ...stream }, ...rest });
  const gate = await startTidegate(t, config);
  const client = startClient(t, at(gate));
  await client.untilOpen();
  await until('a connection to the backend', () => feed.clients.length > 0);
  return { gate, client };
}

test('a filter that is slow holds up its own stream alone', async (t) => {
  const feed = await startFeed(t, await freePort());
  const other = await startFeed(t, await freePort());
  const config = await configFor(feed.url, { stream: { translate } });
  config.streams.other = { upstream: { ...config.streams.feed.upstream, url: other.url } };
  config.routes.push({ path: '/other', stream: 'other' });
  const gate = await startTidegate(t, config);
  await gate.untilReady();
  const [slow, quick] = [startClient(t, at(gate)), startClient(t, at(gate, '/other'))];
  await Promise.all([slow.untilOpen(), quick.untilOpen()]);
  feed.send('{"n":0}');
  await slow.untilCount(1);
  feed.send('{"n":1,"wait":2}');
  feed.send('{"n":2}');
  for (let n = 0; n < 50; n++) {
    other.send(`${n}`);
    await quick.untilCount(n + 1);
  }
  assert.deepEqual(datas(slow), ['0'], 'the other stream had to wait for the filter');
  await slow.untilCount(3);
  assert.deepEqual(datas(slow), ['0', '1', '2']);
});

// The thread sanitizer keeps a signal back until the next call of the C library. A filter in a loop makes none, so that it
// cannot send the answers that it has.
const keepsSignalsBack = process.env.TIDEGATE_VARIANT === 'tsan' && 'the thread sanitizer keeps signals back';

test('of a batch, messages that run away or fail cost themselves, in their place', { skip: keepsSignalsBack }, async (t) => {
  const feed = await startFeed(t, await freePort());
  const rules = { ...translate, jq_timeout: '300ms' };
  const { gate, client } = await start(t, feed, { rules });
  const shown = (event) => (event.type === 'tidegate.error' ? 'misfit' : event.data);
  const expected = [];
  for (let n = 0; n < 50; n++) {
    feed.send(JSON.stringify({ n, runs: n === 10, fails: n === 30 }));
    expected.push(n === 10 || n === 30 ? 'misfit' : `${n}`);
  }
  const own = () => client.events.filter((event) => event.type !== 'tidegate.upstream').map(shown);
  await client.until('all of them', () => own().length === 50);
  assert.deepEqual(own(), expected);
  assert.equal(await gate.metric('tidegate_upstream_dropped_messages_total', /jq/), 2);
});

test('a filter that is killed over a message gets it again', async (t) => {
  const feed = await startFeed(t, await freePort());
  const { gate, client } = await start(t, feed);
  feed.send('{"n":0}');
  await until('the first', () => datas(client).length === 1);
  const [{ pid, ticks }] = filtersOf(gate.pid);
  feed.send('{"n":1,"wait":1}');
  for (let n = 2; n < 20; n++) feed.send(`{"n":${n}}`);
  await until('the filter is busy', () => filtersOf(gate.pid)[0].ticks > ticks + 3);
  process.kill(pid, 'SIGKILL');
  await until('all of them', () => datas(client).length === 20);
  assert.deepEqual(datas(client), Array.from({ length: 20 }, (_, n) => `${n}`));
  assert.notEqual(filtersOf(gate.pid)[0].pid, pid);
});

// Backends that send what they have at once.
const backends = {
  websocket: async (t, lines) => {
    const feed = await startFeed(t, await freePort(), { onClient: (socket) => lines.forEach((line) => socket.send(line)) });
    return { url: feed.url, isHeld: () => feed.clients.some((socket) => socket.bufferedAmount > 0) };
  },
  ndjson: async (t, lines) => {
    let unsent = 0;
    const server = http.createServer((request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
      for (const line of lines) response.write(`${line}\n`);
      unsent = () => response.writableLength;
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(t, () => { server.closeAllConnections(); server.close(); });
    return { url: `http://127.0.0.1:${server.address().port}/`, isHeld: () => unsent && unsent() > 0 };
  },
};

for (const [kind, startBackend] of Object.entries(backends)) {
  test(`a backend that sends more than the filter takes is held back: ${kind}`, async (t) => {
    const COUNT = 8000;
    const lines = Array.from({ length: COUNT }, (_, n) => JSON.stringify({ n, wait: n === 0 ? 1 : undefined, text: 'x'.repeat(2000) }));
    const backend = await startBackend(t, lines);
    const config = await configFor(backend.url, { upstream: { kind }, stream: { translate, initial: 'all' } });
    const gate = await startTidegate(t, config);
    const client = startClient(t, at(gate));
    await client.untilOpen();
    await until('the backend waits', () => backend.isHeld());
    await until('all of them', () => datas(client).length === COUNT, { timeout: 60000 });
    assert.deepEqual(datas(client), lines.map((_, n) => `${n}`));
    const peak = Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${gate.pid}/status`, 'latin1'))[1]);
    t.diagnostic(`${kind}: ${peak} KiB at most`);
  });
}

test('the end of a stream waits for what is at the filter', async (t) => {
  const feed = await startFeed(t, await freePort(), {
    onClient: (socket) => {
      for (const line of ['{"n":1,"wait":0.5}', '{"n":2}', '{"n":3,"last":true}', '{"n":4}']) socket.send(line);
    },
  });
  const config = await configFor(feed.url, { upstream: { connect: 'on_demand' }, stream: { translate, initial: 'all', until: { pointer: '/last', equals: true } } });
  const gate = await startTidegate(t, config);
  const client = startClient(t, at(gate), { delay: () => 60000 });
  await until('the end', () => client.events.some((event) => event.type === 'tidegate.end'));
  const told = client.events.filter((event) => event.type !== 'tidegate.upstream').map((event) => event.data);
  assert.deepEqual(told, ['1', '2', '3', '{"reason":"until"}']);
});

test('an outage is marked behind the messages before it, a drain does not wait for the filter', async (t) => {
  const feed = await startFeed(t, await freePort());
  const { gate, client } = await start(t, feed);
  feed.send('{"n":1,"wait":0.5}');
  feed.send('{"n":2}');
  for (const socket of feed.clients) socket.close();
  await client.until('the outage', () => client.events.some((event) => /down/.test(event.data)));
  const told = client.events.map((event) => event.data);
  assert.ok(told.findIndex((data) => /down/.test(data)) > told.indexOf('2'), told.join());
  await until('a new connection', () => feed.clients.length > 0);
  feed.send('{"n":3,"wait":9}');
  await until('it is at the filter', async () => (await gate.metric('tidegate_upstream_messages_total')) === 3);
  await gate.stop();
});

test('many streams start at once, and equal filters are one process', async (t) => {
  const feed = await startFeed(t, await freePort());
  for (const isSame of [true, false]) {
    const config = await configFor(feed.url);
    const { feed: stream } = config.streams;
    config.streams = Object.fromEntries(Array.from({ length: STREAMS }, (_, i) => [`s${i}`, {
      ...stream, translate: { jq: isSame ? '.n' : `.n, ${i}`, jq_timeout: '10s' },
    }]));
    config.routes = Object.keys(config.streams).map((name) => ({ path: `/${name}`, stream: name }));
    const begun = performance.now();
    const gate = await startTidegate(t, config);
    t.diagnostic(`${STREAMS} ${isSame ? 'equal' : 'different'} filters: answers after ${Math.round(performance.now() - begun)} ms`);
    await gate.untilReady();
    const client = startClient(t, at(gate, `/s${STREAMS - 1}`));
    await client.untilOpen();
    feed.send('{"n":"x"}');
    await until('an event', () => client.events.some((event) => event.data === '"x"' || event.data === 'x'));
    assert.equal(filtersOf(gate.pid).length, isSame ? 1 : STREAMS);
    await gate.stop();
  }
});
