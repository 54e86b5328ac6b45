// Tidegate in front of real servers, with the configurations of docs/backends.md: a page in a browser gets what each
// backend says, type, id and data, each event once and in order, over a SIGKILL of the backend, and is told of it.
import assert from 'node:assert';
import { once } from 'node:events';
import http from 'node:http';
import test from 'node:test';
import { startBackend } from './backends/backend.mjs';
import { atEnd } from './lib/at-end.mjs';
import { browsers } from './lib/browsers.mjs';
import { UPSTREAM } from './lib/continuity.mjs';
import { documented } from './lib/documented.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const polled = { reason: /^(connect|closed)$/ };

// `heading` of docs/backends.md; `isReplayed`: the backend repeats what was missed; `log`: what its log must show.
const backends = [
  { heading: 'WebSocket feeds', program: 'feed.mjs', isReplayed: false },
  { heading: 'Flask', program: 'flask_app.py' },
  { heading: 'FastAPI', program: 'fastapi_app.py' },
  { heading: 'Go: net/http', program: 'net_http.go' },
  { heading: 'Go: Gin', program: 'gin.go' },
  { heading: 'NDJSON', program: 'flask_app.py' },
  { heading: 'JSON that has to be polled', program: 'flask_app.py', ...polled, log: /GET \/latest[^"]*" 304 / },
  { heading: 'The newest first', program: 'flask_app.py', ...polled, log: /GET \/latest[^"]*" 304 / },
  { heading: 'With a cursor', program: 'flask_app.py', ...polled, log: /GET \/changes\?since=[1-9]/ },
];

async function check(t, open, { heading, program, isReplayed = true, reason = /^closed$/, log = /^/ }) {
  const backend = await startBackend(t, program);
  const config = await documented(heading, backend.port);
  // The backend is killed long before it has lasted: what comes up is to be told at once all the same.
  for (const stream of Object.values(config.streams)) stream.upstream.reconnect = { stable: '0' };
  const gate = await startTidegate(t, config);
  await gate.untilReady();
  const page = await open(`${gate.url}/page?type=quote&type=news`);
  await until('an open stream', () => page.evaluate(() => window.source.readyState === EventSource.OPEN));
  const got = () => page.evaluate(() => window.got);
  const events = async () => (await got()).filter((event) => event.type !== UPSTREAM);
  const outages = async () => (await got()).filter((event) => event.type === UPSTREAM).map((event) => JSON.parse(event.data));
  const wait = (what, condition) => until(() => `${what}; the logs:\n${backend.log.slice(-4000)}${gate.stderr}`, condition, { every: 50 });
  const untilCount = (count) => wait(`${count} events`, async () => (await events()).length >= count);
  const untilState = (state) => wait(`word that it is ${state}`, async () => (await outages()).at(-1)?.state === state);

  const flow = backend.append(60);
  await untilCount(20);
  // What is not repeated has to arrive before the end.
  if (!isReplayed) await flow.then(() => untilCount(60));
  await backend.kill();
  await flow;
  await untilState('down');
  const before = backend.events().length;
  backend.appendAside(10);
  const later = before + 10;
  await backend.start();
  await untilState('up');
  await backend.append(30);

  const expected = backend.events().filter((_, at) => isReplayed || at < before || at >= later);
  assert.ok(expected.length >= 60);
  await untilCount(expected.length);
  await wait(log, () => log.test(backend.log));
  assert.deepEqual(await events(), expected);

  const [down, ...more] = await outages();
  assert.equal(down.state, 'down');
  assert.match(down.reason, reason);
  assert.deepEqual(more, [{ state: 'up' }]);
  const all = await got();
  const at = all.findIndex((event) => event.type === UPSTREAM);
  assert.ok(at >= 20 && at <= before, `the outage is told after ${at} events, ${before} were made before it`);
  assert.equal(all[at + 1].type, UPSTREAM, 'nothing comes from a backend that is down');
  await page.close();
}

test('backends', { skip: !browsers.Chromium && 'no Chromium here' }, async (t) => {
  const open = await browsers.Chromium(t);
  for (const backend of backends) await t.test(backend.heading, (t) => check(t, open, backend));
});

// A bot's updates as Telegram gives them: a request is held until there are some, and confirms those before its offset.
class Bot {
  updates = [];
  offset = 0;

  constructor() {
    this.server = http.createServer((request, response) => this.#answer(request, response));
  }

  #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, 'http://bot');
    if (pathname !== '/bot123:secret/getUpdates') return response.writeHead(404).end('{"ok":false}');
    this.offset = Number(searchParams.get('offset') ?? 0);
    this.updates = this.updates.filter((update) => update.update_id >= this.offset);
    const finish = () => {
      clearTimeout(this.held);
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ ok: true, result: this.updates.slice(0, 2) }));
    };
    if (this.updates.length > 0) return finish();
    this.finish = finish;
    this.held = setTimeout(finish, 200);
    return undefined;
  }

  say(...texts) {
    const first = 1000 + (this.said ?? 0);
    this.said = (this.said ?? 0) + texts.length;
    this.updates.push(...texts.map((text, at) => ({ update_id: first + at, message: { chat: { id: 1 }, text } })));
    this.finish?.();
  }
}

test('Telegram', async (t) => {
  const bot = new Bot();
  bot.say('one', 'two', 'three');
  await once(bot.server.listen(0, '127.0.0.1'), 'listening');
  atEnd(t, () => bot.server.close().closeAllConnections());
  const config = await documented('Telegram', bot.server.address().port);
  config.streams.updates.initial = 'all';
  const gate = await startTidegate(t, config, { BOT_TOKEN: '123:secret' });
  const client = startClient(t, { port: gate.port });
  const texts = () => client.events.filter((event) => event.type !== UPSTREAM).map((event) => [event.lastEventId, event.data]);
  await until('three updates', () => texts().length >= 3);
  await until('a request that confirms them', () => bot.offset === 1003);
  bot.say('four');
  await until('a request that confirms all', () => bot.offset === 1004);
  await until('an answer without updates', () => gate.metric('tidegate_upstream_messages_total').then((n) => n >= 4));
  assert.deepEqual(texts(), [['1000', 'one'], ['1001', 'two'], ['1002', 'three'], ['1003', 'four']]);
  assert.equal(await gate.metric('tidegate_upstream_cursor_missing_total'), 0);
});

// Servers as tutorials write them, with whatever they say of their type: all that a stream needs is `kind` and `url`.
const DATA = ['0', '1', '2'];
const tutorials = [
  { program: 'fastapi_app.py', paths: ['/events'] },
  { program: 'flask_app.py', paths: ['/events'] },
  { program: 'net_http.go', paths: ['/events', '/plain'] },
  { program: 'gin.go', paths: ['/events'] },
  { program: 'express.cjs', paths: ['/events', '/untyped'] },
  { program: 'spring.mjs', paths: ['/events', '/named', '/untyped'] },
];

async function startTutorials(t, servers, upstream = {}) {
  const streams = {};
  for (const { program, paths } of servers) {
    const { port } = await startBackend(t, `tutorials/${program}`);
    for (const path of paths) {
      const url = `http://127.0.0.1:${port}${path}`;
      streams[`${program}${path.replace('/', '.')}`] = { initial: 'all', upstream: { kind: 'sse', url, ...upstream } };
    }
  }
  const names = Object.keys(streams);
  const routes = names.map((name) => ({ path: `/${name}`, stream: name }));
  return { names, gate: await startTidegate(t, { ...(await configFor()), streams, routes }) };
}

async function readTutorial(t, gate, name) {
  const client = startClient(t, { port: gate.port, path: `/${name}` });
  const events = () => client.events.filter((event) => event.type !== UPSTREAM);
  await until(() => `three events of ${name}; the log:\n${gate.stderr}`, () => events().length >= 3);
  return events();
}

test('servers as tutorials write them', async (t) => {
  const { names, gate } = await startTutorials(t, tutorials);
  for (const name of names) {
    const events = await readTutorial(t, gate, name);
    assert.deepEqual(events.map((event) => event.data), DATA, name);
    const isNamed = name.endsWith('.named');
    assert.deepEqual(events.map((event) => event.type), DATA.map(() => (isNamed ? 'tick' : 'message')), name);
    if (isNamed) assert.deepEqual(events.map((event) => event.lastEventId), DATA);
  }
});

test('an event stream that says it is a web page', async (t) => {
  const page = [{ program: 'flask_app.py', paths: ['/html'] }];
  const { gate } = await startTutorials(t, page);
  const failure = await gate.log.find((line) => line.event === 'attempt_failed');
  assert.match(failure.detail, /^content type text\/html; charset=utf-8 is a web page, not an event stream; accept_type /);
  const allowed = await startTutorials(t, page, { accept_type: ['text/html'] });
  const events = await readTutorial(t, allowed.gate, allowed.names[0]);
  assert.deepEqual(events.map((event) => event.data), DATA);
});
