// A stream for each key, with the configuration of docs/backends.md and others: who shares a connection to the backend, what
// of the path arrives there and how, when a stream goes, how many there may be, and that keys do not disturb each other.
import assert from 'node:assert';
import test from 'node:test';
import { startBackend } from './backends/backend.mjs';
import { UPSTREAM } from './lib/continuity.mjs';
import { documented } from './lib/documented.mjs';
import { freePort } from './lib/ports.mjs';
import { SseConnection, startClient } from './lib/sse-reader.mjs';
import { startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const isEvent = (event) => event.type !== UPSTREAM;
const dataOf = (client) => client.events.filter(isEvent).map((event) => event.data);
const statesOf = (client) => client.events.filter((event) => !isEvent(event)).map((event) => JSON.parse(event.data).state);
const message = (channel, seq) => ({ channel, type: 'quote', data: `${channel} ${seq}` });
const reconnect = { first: '10ms', max: '100ms' };

async function publish(backend, messages) {
  const answer = await fetch(`http://127.0.0.1:${backend.port}/publish`, { method: 'POST', body: JSON.stringify(messages) });
  return answer.json();
}

const connections = (backend) => publish(backend, []);
const openPaths = async (backend) => (await connections(backend)).filter(({ isOpen }) => isOpen).map(({ url }) => url).sort();

// The guide's configuration; `change` may change the stream.
async function start(t, { change = () => {}, ...more } = {}) {
  const backend = await startBackend(t, 'topics.mjs');
  const config = { ...(await documented('A stream for each key', backend.port)), sse: { retry: '100ms' }, ...more };
  Object.assign(config.streams.quotes.upstream, { reconnect });
  change(config.streams.quotes, backend);
  const gate = await startTidegate(t, config);
  const follow = (key, options) => startClient(t, { port: gate.port, path: `/events/quotes/${key}`, ...options });
  return { backend, gate, follow };
}

const count = (gate, name, labels) => gate.metric(`tidegate_${name}`, labels);
const members = (gate) => count(gate, 'stream_members');
const untilMembers = (gate, number) => until(() => `${number} keys; the log:\n${gate.stderr}`, async () => (await members(gate)) === number);

// What a client that wants no event stream is answered.
async function statusOf(gate, path, init) {
  const answer = await fetch(`${gate.url}${path}`, init);
  const isStream = answer.headers.get('content-type') === 'text/event-stream';
  if (isStream) await answer.body.cancel();
  else await answer.arrayBuffer();
  return answer.status;
}

// The same for paths that fetch would change.
async function rawStatusOf(gate, path) {
  const client = new SseConnection({ port: gate.port, path, headers: { Accept: '*/*' } });
  await until(`an answer to ${path}`, () => client.head);
  client.cut();
  return client.head.status;
}

test('clients of one key share a connection, each key has its own', async (t) => {
  const { backend, gate, follow } = await start(t);
  assert.deepEqual(await openPaths(backend), [], 'nobody has asked for anything');
  const keys = ['AAPL', 'MSFT', 'AAPL', 'IBM', 'AAPL', 'MSFT'];
  const clients = [];
  for (const key of keys) {
    const client = follow(key);
    await client.untilOpen();
    clients.push(client);
  }
  await until('three connections', async () => (await openPaths(backend)).length === 3);
  await until('three subscriptions', async () => (await connections(backend)).every(({ messages }) => messages.length === 1));
  for (let seq = 1; seq <= 20; seq++) await publish(backend, ['AAPL', 'MSFT', 'IBM', 'GOOG'].map((name) => message(name, seq)));
  for (const [n, client] of clients.entries()) {
    await client.until('all of its key', () => dataOf(client).at(-1) === `${keys[n]} 20`);
    const quotes = dataOf(client).filter((data) => data !== 'subscribed');
    assert.deepEqual(quotes, Array.from({ length: 20 }, (_, i) => `${keys[n]} ${i + 1}`));
  }
  const all = await connections(backend);
  assert.deepEqual(all.map(({ url }) => url).sort(), ['/q/AAPL', '/q/IBM', '/q/MSFT']);
  for (const { url, messages } of all) assert.deepEqual(messages, [`{"op":"subscribe","symbol":"${url.slice(3)}"}`]);
  assert.equal(await members(gate), 3);
  assert.equal(await count(gate, 'upstream_up'), 3);
  assert.equal(await count(gate, 'stream_subscribers'), 6);
});

test('who opens a key gets all that its backend says, on whichever worker', async (t) => {
  const { gate, follow } = await start(t, { workers: 4, change: (stream) => (stream.parameters.symbol.pattern = 'K[0-9]+') });
  const openers = Array.from({ length: 60 }, (_, n) => follow(`K${n}`));
  await Promise.all(openers.map((client) => client.until('the first message', () => dataOf(client).length > 0)));
  for (const client of openers) {
    assert.deepEqual(dataOf(client), ['subscribed']);
    assert.equal(statesOf(client).at(-1), 'up');
  }
  assert.equal(await members(gate), 60);
});

test('what the pattern does not match is not found', async (t) => {
  const { backend, gate } = await start(t);
  const paths = ['aapl', 'TOOLONG', 'A1', 'A%20B', 'A%2FB', 'A/B', '', 'A%0A', 'A%0D%0AX-Evil:%201', '%FF', 'A%3F', 'AA%23'];
  for (const path of paths) assert.equal(await statusOf(gate, `/events/quotes/${path}`), 404, path);
  for (const path of ['..', '%2e%2e', 'A/..', 'A%00', 'A%']) assert.equal(await rawStatusOf(gate, `/events/quotes/${path}`), 400, path);
  assert.equal(await members(gate), 0);
  assert.deepEqual(await connections(backend), []);
});

const nasty = [
  'a b', 'a/b', '/', '//', '"quoted"', 'back\\slash', 'Grüße 🌊', 'a?b', 'a#b', 'a&q=evil', 'a=b', '100%', '%2F', '%0d%0a', 'a+b',
  'a;b,c', "it's", '{value}', '{other}', '${HOME}', '<b>', '[]', '\u2028', '...', '"},{"op":"evil', ' lead', 'trail ', '\u00a0', ':80@host',
];

function makeNasty(stream) {
  stream.parameters = { value: { pattern: '(?s).*' } };
  Object.assign(stream.upstream, {
    url: `${stream.upstream.url.replace(/\/q\/.*/, '')}/p/{value}/end?q={value}&fixed=1`,
    headers: { 'X-Value': 'is {value}.' },
    on_open: [{ op: 'first', text: 'is "{value}".', deep: [{ value: '{value}' }] }, 'plain {value}'],
  });
}

test('a value arrives as it is, whatever it holds', async (t) => {
  const { backend, gate, follow } = await start(t, {
    change: (stream) => {
      makeNasty(stream);
      stream.upstream.on_open.pop();
    },
    routes: [{ path: '/events/quotes/{value}', stream: 'quotes' }],
  });
  const clients = nasty.map((value) => follow(encodeURIComponent(value)));
  await Promise.all(clients.map((client) => client.until('the connection', () => statesOf(client).includes('up'))));
  const all = await until('all messages', async () => {
    const now = await connections(backend);
    return now.length === nasty.length && now.every(({ messages }) => messages.length === 1) && now;
  });
  const utf8 = (header) => Buffer.from(header, 'latin1').toString();
  const got = all.map(({ url, headers, messages }) => {
    assert.match(url, /^\/p\/[A-Za-z0-9._~%-]+\/end\?q=[A-Za-z0-9._~%-]+&fixed=1$/, 'nothing of a value ends its place');
    const { pathname, searchParams } = new URL(url, 'http://host');
    const value = searchParams.get('q');
    assert.equal(decodeURIComponent(pathname.split('/')[2]), value);
    assert.equal(utf8(headers['x-value']), `is ${value}.`);
    assert.deepEqual(JSON.parse(messages[0]), { op: 'first', text: `is "${value}".`, deep: [{ value }] });
    return value;
  });
  assert.deepEqual(got.sort(), [...nasty].sort());
  assert.equal(await members(gate), nasty.length);
});

test('what could be something else to the backend is refused', async (t) => {
  const { backend, gate } = await start(t, { change: makeNasty, routes: [{ path: '/events/quotes/{value}', stream: 'quotes' }] });
  const answers = {
    // Values have no control characters, and are UTF-8.
    404: ['a%0D%0AX-Evil%3A%201', '%0A', '%7F', '%09', '%1B', '%FF', 'a%C3', '%ED%A0%80'],
    // The way up, whoever decodes it.
    400: ['..', '%2E%2E', '%2e', '..%2Fadmin', 'a%2F..%2Fadmin', 'a%00b', 'a%zz'],
  };
  for (const [status, paths] of Object.entries(answers)) {
    for (const path of paths) assert.equal(await rawStatusOf(gate, `/events/quotes/${path}`), Number(status), path);
  }
  assert.equal(await members(gate), 0);
  assert.deepEqual(await connections(backend), []);
});

test('the host comes from a list', async (t) => {
  const { backend, gate, follow } = await start(t, {
    change: (stream, { port }) => {
      stream.parameters.site = { one_of: ['127.0.0.1', 'localhost'] };
      stream.upstream.url = `ws://{site}:${port}/q/{symbol}`;
    },
    routes: [{ path: '/events/quotes/{site}/{symbol}', stream: 'quotes' }],
  });
  const clients = ['localhost/A', '127.0.0.1/A'].map((key) => follow(key));
  await Promise.all(clients.map((client) => client.until('the connection', () => dataOf(client).length > 0)));
  assert.deepEqual((await connections(backend)).map(({ headers }) => headers.host).sort(), [`127.0.0.1:${backend.port}`, `localhost:${backend.port}`]);
  for (const site of ['127.0.0.2', 'evil.example', 'localhost%2F', 'localhost%3A1', 'localhost%40evil', 'LOCALHOST']) {
    assert.equal(await statusOf(gate, `/events/quotes/${site}/A`), 404, site);
  }
});

test('within linger nothing is lost, and the connection stays', async (t) => {
  const { backend, gate, follow } = await start(t);
  const first = follow('AAPL');
  await first.until('the connection', () => dataOf(first).length === 1);
  await publish(backend, [message('AAPL', 1)]);
  await first.until('an event', () => dataOf(first).length === 2);
  first.stop();
  await until('nobody', async () => (await count(gate, 'stream_subscribers')) === 0);
  for (let seq = 2; seq <= 30; seq++) await publish(backend, [message('AAPL', seq)]);
  await until('its events', async () => (await count(gate, 'stream_events_total')) === 31);
  const second = follow('AAPL', { lastEventId: first.lastEventId });
  await second.until('what was missed', () => dataOf(second).length === 29);
  await publish(backend, [message('AAPL', 31)]);
  await second.until('what is new', () => dataOf(second).length === 30);
  assert.deepEqual(second.events.map((event) => event.data), Array.from({ length: 30 }, (_, i) => `AAPL ${i + 2}`));
  assert.equal((await connections(backend)).length, 1);
});

test('after linger the connection is closed and the stream forgotten', async (t) => {
  const { backend, gate, follow } = await start(t, { change: (stream) => (stream.upstream.linger = '1s') });
  const staying = follow('MSFT');
  const first = follow('AAPL');
  await first.until('the connection', () => dataOf(first).length === 1);
  await staying.until('the connection', () => dataOf(staying).length === 1);
  first.stop();
  await untilMembers(gate, 1);
  await until('one connection', async () => (await openPaths(backend)).length === 1);
  assert.deepEqual(await openPaths(backend), ['/q/MSFT']);
  const second = follow('AAPL', { lastEventId: first.lastEventId });
  await second.until('the new stream', () => dataOf(second).length === 2);
  const events = second.events.filter(isEvent);
  assert.deepEqual(events.map((event) => event.type), ['tidegate.gap', 'status']);
  assert.equal(JSON.parse(events[0].data).reason, 'epoch');
  await publish(backend, [message('MSFT', 1)]);
  await staying.until('its event', () => dataOf(staying).at(-1) === 'MSFT 1');
  assert.deepEqual(statesOf(staying).filter((state) => state === 'down'), []);
  assert.equal(await count(gate, 'stream_members_closed_total'), 1);
});

test('one key more than the limit is told to come back, and disturbs no other', async (t) => {
  const { backend, gate, follow } = await start(t, {
    change: (stream) => {
      stream.max_keys = 2;
      stream.upstream.linger = '1s';
    },
  });
  const clients = ['A', 'B'].map((key) => follow(key));
  await Promise.all(clients.map((client) => client.until('the connection', () => dataOf(client).length === 1)));

  const late = new SseConnection({ port: gate.port, path: '/events/quotes/C' });
  await until('it is sent away', () => late.why);
  assert.equal(late.head.status, 200);
  assert.equal(late.head.headers['content-type'], 'text/event-stream');
  assert.ok(late.parser.retry > 0);
  const other = await fetch(`${gate.url}/events/quotes/C`, { headers: { Accept: 'application/json' } });
  assert.equal(other.status, 503);
  assert.ok(Number(other.headers.get('retry-after')) > 0);
  assert.equal(await count(gate, 'stream_members_refused_total'), 2);

  const more = follow('A');
  await more.untilOpen();
  await publish(backend, ['A', 'B', 'C'].map((name) => message(name, 1)));
  await Promise.all([...clients, more].map((client) => client.until('the event', () => dataOf(client).at(-1)?.endsWith(' 1'))));
  // An EventSource keeps asking, and is let in once there is room.
  const patient = follow('C');
  await patient.until('it was sent away', () => patient.connects > 1);
  clients[1].stop();
  await patient.until('its connection', () => dataOf(patient).includes('subscribed'));
  assert.deepEqual(await openPaths(backend), ['/q/A', '/q/C']);
});

test('a key that the backend refuses, or cannot serve, disturbs no other', async (t) => {
  const dead = await freePort();
  const { backend, gate, follow } = await start(t, {
    change: (stream, { port }) => {
      stream.parameters = { port: { one_of: [`${port}`, `${dead}`] }, symbol: {} };
      stream.upstream.url = 'ws://127.0.0.1:{port}/q/{symbol}';
    },
    routes: [{ path: '/events/quotes/{port}/{symbol}', stream: 'quotes' }],
  });
  const before = Object.keys(await gate.metrics()).length;
  const good = follow(`${backend.port}/good`);
  await good.until('the connection', () => dataOf(good).length === 1);
  const down = follow(`${dead}/good`);
  const refused = follow(`${backend.port}/no-such`);
  for (const client of [down, refused]) await client.until('word of it', () => statesOf(client).includes('down'));
  const failures = (reason) => count(gate, 'upstream_failures_total', new RegExp(`reason="${reason}"`));
  await until('many attempts', async () => (await failures('connect')) >= 5 && (await failures('handshake')) >= 5);
  for (let seq = 1; seq <= 20; seq++) await publish(backend, [message('good', seq)]);
  await good.until('all events', () => dataOf(good).length === 21);
  assert.deepEqual(statesOf(good).filter((state) => state === 'down'), []);
  assert.equal(down.connects + refused.connects, 2, 'clients stay connected');
  assert.equal(await failures('closed'), 0);
  assert.ok(await gate.isReady(), 'a key is not what readiness is about');
  assert.equal(Object.keys(await gate.metrics()).length, before, 'the metrics page does not grow with the keys');
});

test('readiness waits for a keyed stream that is required, while somebody asks for it', async (t) => {
  const { backend, gate, follow } = await start(t, {
    change: (stream) => Object.assign(stream.upstream, { required: true, linger: '1s' }),
  });
  await gate.untilReady();
  await backend.kill();
  const client = follow('A');
  await until('it is not ready', async () => !(await gate.isReady()));
  await backend.start();
  await gate.untilReady();
  await backend.kill();
  await until('it is not ready', async () => !(await gate.isReady()));
  client.stop();
  await untilMembers(gate, 0);
  await gate.untilReady();
});

test('a message for a key that nobody follows opens its connection', async (t) => {
  const { backend, gate } = await start(t, {
    change: (stream) => (stream.parameters = { symbol: {} }),
    routes: [{ path: '/events/quotes/{symbol}', stream: 'quotes' }, { path: '/send/{symbol}', send: 'quotes' }],
  });
  const post = (key, body) => statusOf(gate, `/send/${key}`, { method: 'POST', body });
  assert.equal(await post('AAPL', '{"op":"order","n":1}'), 202);
  assert.equal(await post('AAPL', '{"op":"order","n":2}'), 202);
  assert.equal(await post('no-such', '{"op":"order"}'), 409);
  const all = await connections(backend);
  assert.equal(all.length, 1);
  assert.deepEqual(all[0].messages.map((text) => JSON.parse(text)), [
    { op: 'subscribe', symbol: 'AAPL' },
    { op: 'order', n: 1 },
    { op: 'order', n: 2 },
  ]);
});

test('each key has its own request to an event stream, and its ids', async (t) => {
  const backend = await startBackend(t, 'flask_app.py');
  const { gate, follow } = await start(t, {
    change: (stream) => {
      stream.parameters = { symbol: {} };
      stream.upstream = { kind: 'sse', url: `http://127.0.0.1:${backend.port}/events?symbol={symbol}`, reconnect };
      delete stream.translate;
    },
  });
  const clients = ['a', 'a', 'b', 'b'].map((key) => follow(key));
  await until('two connections', async () => (await count(gate, 'upstream_up')) === 2);
  await backend.append(30);
  await Promise.all(clients.map((client) => client.until('the events', () => dataOf(client).length === 30)));
  const requests = () => backend.log.match(/GET \/events\?symbol=\w+/g).map((line) => line.at(-1)).sort().join('');
  await backend.kill();
  await Promise.all(clients.map((client) => client.until('word of it', () => statesOf(client).at(-1) === 'down')));
  backend.appendAside(10);
  await backend.start();
  await Promise.all(clients.map((client) => client.until('the rest', () => dataOf(client).length === 40)));
  for (const client of clients) {
    assert.deepEqual(client.events.filter(isEvent).map(({ type, data, id }) => ({ type, data, id })), backend.events());
    assert.equal(client.connects, 1);
  }
  await until('the log of the backend', () => /symbol=a[^]*symbol=b|symbol=b[^]*symbol=a/.test(backend.log));
  assert.match(requests(), /^a+b+$/);
});
