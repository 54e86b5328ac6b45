// One WebSocket with many topics, one stream for each, with the configuration of docs/backends.md: each client gets all of
// its topic, in order, and nothing of another's, and the backend has one connection.
import assert from 'node:assert';
import test from 'node:test';
import { startBackend } from './backends/backend.mjs';
import { browsers } from './lib/browsers.mjs';
import { GAP, UPSTREAM } from './lib/continuity.mjs';
import { documented } from './lib/documented.mjs';
import { SseConnection, startClient } from './lib/sse-reader.mjs';
import { startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const TOPICS = 500;
const topic = (n) => `topic-${n}`;
const message = (channel, seq, more) => ({ channel, type: 'quote', data: `${channel} ${seq}`, ...more });
const allTopics = Array.from({ length: TOPICS }, (_, n) => topic(n));
const fast = { reconnect: { first: '10ms', max: '100ms' } };

async function publish(backend, messages) {
  const answer = await fetch(`http://127.0.0.1:${backend.port}/publish`, { method: 'POST', body: JSON.stringify(messages) });
  assert.equal(answer.status, 200);
  return answer.json();
}

const connections = (backend) => publish(backend, []);
const quotes = (client) => client.events.filter((event) => event.type !== UPSTREAM);
const dataOf = (client) => quotes(client).map((event) => event.data);
const expected = (channel, count) => Array.from({ length: count }, (_, i) => `${channel} ${i + 1}`);

// `change` may change the configuration of the stream.
async function start(t, { change = () => {}, ...more } = {}) {
  const backend = await startBackend(t, 'topics.mjs');
  const config = { ...(await documented('One WebSocket with many topics', backend.port)), sse: { retry: '100ms' }, ...more };
  Object.assign(config.streams.topics.upstream, fast);
  change(config.streams.topics);
  const gate = await startTidegate(t, config);
  await gate.untilReady();
  return { backend, gate };
}

const follow = (t, gate, path, more) => startClient(t, { port: gate.port, path: `/events/${path}`, ...more });

test('500 topics of one connection are 500 streams', async (t) => {
  const { backend, gate } = await start(t);
  const before = Object.keys(await gate.metrics()).length;
  const clients = allTopics.map((name) => follow(t, gate, name));
  await Promise.all(clients.map((client) => client.untilOpen()));
  const ROUNDS = 6;
  for (let seq = 1; seq <= ROUNDS; seq++) await publish(backend, allTopics.map((name) => message(name, seq)));
  await Promise.all(clients.map((client) => client.until('all of its topic', () => quotes(client).length >= ROUNDS)));
  clients.forEach((client, n) => {
    assert.deepEqual(dataOf(client), expected(topic(n), ROUNDS));
    assert.deepEqual(new Set(quotes(client).map((event) => event.type)), new Set(['quote']));
    assert.equal(new Set(quotes(client).map((event) => event.id)).size, ROUNDS);
  });

  const all = await connections(backend);
  assert.deepEqual(all.map(({ url, messages }) => ({ url, messages })), [{ url: '/feed', messages: ['{"op":"subscribe","channel":"*"}'] }]);
  assert.equal(await gate.metric('tidegate_stream_members', /"topics"/), TOPICS);
  assert.equal(await gate.metric('tidegate_stream_subscribers', /"topics"/), TOPICS);
  assert.equal(await gate.metric('tidegate_stream_events_total', /"topics"/), TOPICS * ROUNDS);
  assert.equal(Object.keys(await gate.metrics()).length, before, 'the metrics page does not grow with the keys');

  await t.test('who comes back with an id gets what was missed of this topic', async () => {
    const some = clients.filter((_, n) => n % 20 === 0);
    const lastIds = some.map((client) => client.lastEventId);
    some.forEach((client) => client.stop());
    await until('they are gone', async () => (await gate.metric('tidegate_stream_subscribers', /"topics"/)) === TOPICS - some.length);
    await publish(backend, allTopics.map((name) => message(name, ROUNDS + 1)));
    await publish(backend, allTopics.map((name) => message(name, ROUNDS + 2)));
    const back = some.map((_, i) => follow(t, gate, topic(i * 20), { lastEventId: lastIds[i] }));
    await Promise.all(back.map((client) => client.untilCount(2)));
    await publish(backend, allTopics.map((name) => message(name, ROUNDS + 3)));
    await Promise.all(back.map((client) => client.untilCount(3)));
    back.forEach((client, i) => assert.deepEqual(dataOf(client), expected(topic(i * 20), ROUNDS + 3).slice(-3)));
  });

  await t.test('an id of another topic is a gap', async () => {
    const client = follow(t, gate, topic(1), { lastEventId: quotes(clients[2])[0].id });
    await client.untilCount(1);
    assert.equal(client.events[0].type, 'tidegate.gap');
    assert.equal(JSON.parse(client.events[0].data).reason, 'epoch');
  });

  await t.test('an outage of the connection is told in each stream', async () => {
    const first = clients[1].events.length;
    await backend.kill();
    await clients[1].until('word of it', () => clients[1].events.slice(first).some((event) => event.type === UPSTREAM));
    await backend.start();
    const staying = clients.filter((client) => !client.isStopped);
    const states = (client) => client.events.filter((event) => event.type === UPSTREAM).map((event) => JSON.parse(event.data).state);
    await Promise.all(staying.map((client) => client.until('down and up', () => states(client).slice(-2).join() === 'down,up')));
    await publish(backend, allTopics.map((name) => message(name, 100)));
    await Promise.all(staying.map((client) => client.until('what is new', () => dataOf(client).at(-1).endsWith(' 100'))));
    assert.equal((await connections(backend)).length, 1);
  });
});

test('keys may have other names in paths', async (t) => {
  const { backend, gate } = await start(t, { change: (stream) => (stream.route.to = { 4711: 'AAPL', 'a/b': 'MSFT' }) });
  const clients = ['AAPL', 'MSFT', 'IBM'].map((name) => follow(t, gate, name));
  await Promise.all(clients.map((client) => client.untilOpen()));
  await publish(backend, [
    { channel: 4711, data: 'by number' },
    { channel: '4711', data: 'by string' },
    { channel: 'a/b', data: 'with a slash' },
    { channel: 'IBM', data: 'its own name' },
  ]);
  await clients[0].untilCount(2);
  await clients[1].untilCount(1);
  await clients[2].untilCount(1);
  assert.deepEqual(clients.map(dataOf), [['by number', 'by string'], ['with a slash'], ['its own name']]);
});

test('a message without a key that can be asked for is a misfit, and makes no stream', async (t) => {
  const { backend, gate } = await start(t);
  const client = follow(t, gate, 'AAPL');
  await client.untilOpen();
  const misfits = [
    { type: 'quote', data: 'no channel' },
    { channel: null, data: 'null' },
    { channel: '', data: 'empty' },
    { channel: 1.5, data: 'no integer' },
    { channel: ['AAPL'], data: 'a list' },
    { channel: 'AAPL\n', data: 'a line' },
    { channel: 'with space', data: 'no path has it' },
    { channel: 'with/slash', data: 'no path has it' },
    { channel: 'x'.repeat(65), data: 'too long' },
    { channel: '.', data: 'no path has it' },
    { channel: '..', data: 'no path has it' },
  ];
  await publish(backend, [...misfits, 'no JSON', message('AAPL', 1)]);
  await client.untilCount(1);
  assert.deepEqual(dataOf(client), ['AAPL 1']);
  const dropped = (cause) => gate.metric('tidegate_upstream_dropped_messages_total', new RegExp(`cause="${cause}"`));
  assert.equal(await dropped('key'), misfits.length);
  assert.equal(await dropped('json'), 1);
  assert.equal(await gate.metric('tidegate_stream_members'), 1, 'the one that a client follows');
});

test('a message that is lost before its key is known is told in each stream', async (t) => {
  const { backend, gate } = await start(t, { change: (stream) => (stream.upstream.max_message = '200') });
  const clients = ['a', 'b'].map((name) => follow(t, gate, name));
  await Promise.all(clients.map((client) => client.untilOpen()));
  await publish(backend, [message('a', 1), message('a', 2, { more: 'x'.repeat(300) }), message('a', 3)]);
  const gapsOf = (client) => client.events.filter((event) => event.type === GAP).map((event) => JSON.parse(event.data));
  await Promise.all(clients.map((client) => client.until('word of it', () => gapsOf(client).length > 0)));
  await clients[0].until('what follows', () => dataOf(clients[0]).includes('a 3'));
  const order = quotes(clients[0]).map((event) => (event.type === GAP ? 'gap' : event.data));
  assert.deepEqual(order, ['a 1', 'gap', 'a 3']);
  const first = quotes(clients[0])[0].id;
  assert.deepEqual(gapsOf(clients[0]), [{ reason: 'oversize', missed: 1, after: first, before: null }]);
  assert.deepEqual(gapsOf(clients[1]), [{ reason: 'oversize', missed: 1, after: null, before: null }]);
  const later = follow(t, gate, 'a', { lastEventId: first });
  await later.until('the replay', () => dataOf(later).includes('a 3'));
  assert.equal(gapsOf(later).length, 1);
});

test('keys of several parameters are checked part by part', async (t) => {
  const { backend, gate } = await start(t, {
    change: (stream) => (stream.parameters = { market: { one_of: ['eu', 'us'] }, symbol: { pattern: '[A-Z2/%]{1,5}' } }),
    routes: [{ path: '/events/{market}/{symbol}', stream: 'topics' }],
  });
  const clients = ['us/IBM', 'eu/IBM', 'eu/A%2FB', 'eu/%252F'].map((path) => follow(t, gate, path));
  await Promise.all(clients.map((client) => client.untilOpen()));
  const keys = ['us/IBM', 'eu/IBM', 'eu/A%2FB', 'eu/%252F'];
  const others = ['IBM', 'eu', 'eu/', '/IBM', 'uk/IBM', 'eu/ibm', 'eu/IBM/', 'eu/A/B', 'eu/IBM/x', 'eu/A%2fB', 'eu/A%', 'eu/%41', 'eu/TOOLONG'];
  await publish(backend, [...others, ...keys].map((channel) => ({ channel, data: channel })));
  await Promise.all(clients.map((client) => client.untilCount(1)));
  assert.deepEqual(clients.map(dataOf), keys.map((key) => [key]));
  assert.equal(await gate.metric('tidegate_upstream_dropped_messages_total', /cause="key"/), others.length);
  assert.equal(await gate.metric('tidegate_stream_members'), keys.length);
});

test('keys over the limit are refused and counted, and disturb no other', async (t) => {
  const { backend, gate } = await start(t, { change: (stream) => (stream.max_keys = 3) });
  const clients = ['a', 'b'].map((name) => follow(t, gate, name));
  await Promise.all(clients.map((client) => client.untilOpen()));
  const round = (seq) => publish(backend, ['a', 'made', 'b', 'over', 'another'].map((name) => message(name, seq)));
  await round(1);
  await round(2);
  await Promise.all(clients.map((client) => client.untilCount(2)));
  assert.deepEqual(clients.map(dataOf), [expected('a', 2), expected('b', 2)]);
  assert.equal(await gate.metric('tidegate_upstream_refused_events_total'), 4);
  assert.equal(await gate.metric('tidegate_stream_members'), 3);

  const late = new SseConnection({ port: gate.port, path: '/events/over' });
  await until('it is sent away', () => late.why);
  assert.equal(late.head.status, 200);
  assert.ok(late.parser.retry > 0);
  assert.equal((await fetch(`${gate.url}/events/over`, { headers: { accept: 'application/json' } })).status, 503);

  const made = follow(t, gate, 'made');
  await made.untilOpen();
  await round(3);
  await Promise.all([...clients, made].map((client) => client.until('the third', () => dataOf(client).at(-1)?.endsWith(' 3'))));
});

test('a stream goes once its events have gone, and makes room for another key', async (t) => {
  const { backend, gate } = await start(t, {
    change: (stream) => {
      stream.max_keys = 1;
      stream.retain = { age: '1s' };
      stream.upstream.linger = '1s';
    },
  });
  await publish(backend, [message('a', 1), message('b', 1)]);
  await until('one key, one refusal', async () => (await gate.metric('tidegate_upstream_refused_events_total')) === 1);
  await until('no key', async () => (await gate.metric('tidegate_stream_members')) === 0);
  const client = follow(t, gate, 'b');
  await client.untilOpen();
  await publish(backend, [message('a', 2), message('b', 2)]);
  await client.until('its event', () => quotes(client).length > 0);
  assert.deepEqual(dataOf(client), ['b 2']);
});

test('an event that was refused for its key is taken when it comes again', async (t) => {
  const { backend, gate } = await start(t, {
    change: (stream) => {
      stream.max_keys = 1;
      stream.retain = { age: '1s' };
      stream.upstream.linger = '1s';
      stream.translate.seen = { by: 'content' };
    },
  });
  await publish(backend, [message('a', 1), message('b', 1)]);
  await until('one refusal', async () => (await gate.metric('tidegate_upstream_refused_events_total')) === 1);
  await until('no key', async () => (await gate.metric('tidegate_stream_members')) === 0);
  const client = follow(t, gate, 'b');
  await client.untilOpen();
  await publish(backend, [message('b', 1), message('b', 1), message('b', 2)]);
  await client.until('the last event', () => dataOf(client).includes('b 2'));
  assert.deepEqual(dataOf(client), expected('b', 2));
});

test('a page follows one topic', { skip: !browsers.Chromium && 'no Chromium here' }, async (t) => {
  const { backend, gate } = await start(t);
  const open = await browsers.Chromium(t);
  const page = await open(`${gate.url}/page`);
  await page.evaluate(() => {
    window.source.close();
    window.quotes = [];
    window.topic = new EventSource('/events/AAPL');
    window.topic.addEventListener('quote', (event) => window.quotes.push(event.data));
  });
  await until('an open stream', () => page.evaluate(() => window.topic.readyState === EventSource.OPEN));
  for (let seq = 1; seq <= 50; seq++) await publish(backend, ['AAPL', 'MSFT', 'IBM'].map((name) => message(name, seq)));
  await until('50 quotes', () => page.evaluate(() => window.quotes.length >= 50));
  assert.deepEqual(await page.evaluate(() => window.quotes), expected('AAPL', 50));
  await page.close();
});
