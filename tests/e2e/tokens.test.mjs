// Answers of 2,000 tokens to a POST, through Tidegate as docs/backends.md has it: whole and once, over cuts and ends of all
// kinds, and the backend is asked once. The configurations and the code of the page come from the guide.
import assert from 'node:assert';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { startBackend } from './backends/backend.mjs';
import { atEnd } from './lib/at-end.mjs';
import { browsers } from './lib/browsers.mjs';
import { GAP, UPSTREAM } from './lib/continuity.mjs';
import { startCuttingProxy } from './lib/cutting-proxy.mjs';
import { documented, documentedScript } from './lib/documented.mjs';
import { libraryRoutes } from './lib/library-routes.mjs';
import { freePort } from './lib/ports.mjs';
import { serve } from './lib/serve.mjs';
import { SseParser } from './lib/sse-parser.mjs';
import { startTidegate } from './lib/tidegate.mjs';
import { sleep, until } from './lib/wait.mjs';

const GUIDE = 'An answer streamed by POST \\(LLM\\)';
const END = 'tidegate.end';
const PROMPT = 'Grüße 🌊 "so"\\\n';
const TOKENS = 2000;
const CUTS = 3;
const MARK = '[DONE]';
const JSON_TYPE = { 'Content-Type': 'application/json' };

const kinds = {
  sse: { heading: GUIDE, program: 'llm_app.py' },
  ndjson: { heading: 'A prompt that becomes a message', program: 'llm_app.py', path: '/lines' },
  websocket: { heading: 'An answer over WebSocket', program: 'llm.mjs' },
};

// Only the first page of the guide has code, which wants the body as JSON and tokens as {"token": …}: so the stream of
// another kind loses what makes it different there, if `isPlain`.
async function start(t, kind, { alter = () => {}, isPlain = true } = {}) {
  const { heading, program } = kinds[kind];
  const backend = await startBackend(t, program);
  const config = await documented(heading, backend.port);
  const { answer } = config.streams;
  config.sse = { retry: '100ms' };
  config.workers = 2;
  answer.upstream.reconnect = { first: '20ms', max: '100ms', stable: '0' };
  if (isPlain) {
    delete answer.session.message;
    answer.translate = kind === 'ndjson' ? { when: { pointer: '/token', exists: true } } : {};
  }
  await alter(config, answer);
  const gate = await startTidegate(t, config);
  const facts = () => fs.readFileSync(backend.file, 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line));
  const asked = () => facts().filter((fact) => fact.asked !== undefined);
  const go = () => fetch(`http://127.0.0.1:${backend.port}/go`, { method: 'POST' });
  return { backend, gate, facts, asked, go };
}

const wholeText = (count = TOKENS, prompt = PROMPT) => Array.from({ length: count }, (_, at) => `${at + 1}:${prompt}`).join('');

// ---- a client in node ---------------------------------------------------------------------------------------------

class Answer {
  events = []; // with data
  hasEnded = false; // in order
  isOver = false;
  error = null;

  constructor(url, { method = 'POST', body, headers = JSON_TYPE, lastId } = {}) {
    this.stop = new AbortController();
    const all = { ...headers, ...(lastId && { 'Last-Event-ID': lastId }) };
    this.parser = new SseParser((event) => this.events.push(event));
    this.opened = fetch(url, { method, body, headers: all, signal: this.stop.signal });
    this.over = this.#read().catch((error) => (this.error = error)).finally(() => (this.isOver = true));
  }

  async #read() {
    const response = await this.opened;
    this.status = response.status;
    if (this.status !== 200) {
      this.text = await response.text();
      return;
    }
    for await (const part of response.body) this.parser.push(Buffer.from(part));
    this.hasEnded = true;
  }

  get tokens() {
    return this.events.filter((event) => (event.type === 'message' || event.type === 'token') && event.data !== MARK);
  }

  get marks() {
    return this.events.filter((event) => event.data === MARK);
  }

  get words() {
    return this.tokens.map((event) => (event.type === 'token' ? event.data : JSON.parse(event.data).token)).join('');
  }

  get end() {
    const ends = this.events.filter((event) => event.type === END);
    assert.ok(ends.length <= 1);
    return ends[0] && JSON.parse(ends[0].data);
  }

  get outages() {
    return this.events.filter((event) => event.type === UPSTREAM).map((event) => JSON.parse(event.data));
  }

  get id() {
    return this.parser.lastEventId;
  }

  until(what, condition) {
    const last = () => `${what}; ${this.status} ${this.error ?? ''}; at last: ${JSON.stringify(this.events.slice(-4))}`;
    return until(last, () => condition(this));
  }

  untilOver() {
    return this.until('the end', () => this.isOver);
  }
}

function ask(t, gate, options) {
  const answer = new Answer(`${gate.url}/ask`, options);
  atEnd(t, () => answer.stop.abort());
  return answer;
}

const json = (fields) => JSON.stringify({ prompt: PROMPT, ...fields });

// ---- pages --------------------------------------------------------------------------------------------------------

const pageOf = (code) => `<!doctype html><meta charset="utf-8"><title>An answer</title>
<script type="importmap">{ "imports": { "@microsoft/fetch-event-source": "/fetch-event-source/index" } }</script>
<script type="module">
const asked = new URLSearchParams(location.search);
const fetch = (url, init) => window.fetch(new URL(url, asked.get('origin')), { ...init, body: asked.get('body') });
${code}
window.text = '';
window.result = '';
ask('', (text) => (window.text = text)).then(
  (isWhole) => (window.result = isWhole ? 'whole' : 'failed'),
  (error) => (window.result = String(error)));
</script>
`;

// The page comes from Tidegate, what it asks goes through a proxy, as to another origin.
async function startPages(t, kind, { code = documentedScript(GUIDE), ...options } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tidegate-tokens-'));
  atEnd(t, () => fs.rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'ask.html');
  fs.writeFileSync(file, pageOf(code));
  const parts = await start(t, kind, {
    ...options,
    async alter(config, answer) {
      config.routes[0].cors = { origins: [`http://127.0.0.1:${config.listen[0].port}`] };
      config.routes = config.routes.concat({ path: '/ask.html', file }, libraryRoutes);
      await options.alter?.(config, answer);
    },
  });
  // The first connection is cut once the page has an id: cut off before, it could only ask anew. Where it is cut is left to
  // chance, with any byte as likely as the other; the code of the guide sees to the flaw of the library, which counts an
  // event by its id's line although it may be cut off before the empty line.
  let isCutting = false;
  const cut = () => ({ afterBytes: 1 + Math.floor(Math.random() * 40000), mode: Math.random() < 0.5 ? 'rst' : 'fin' });
  const plan = (proxy) => (isCutting && proxy.cuts < CUTS ? cut() : null);
  const proxy = await startCuttingProxy(t, { port: parts.gate.port, host: '127.0.0.1' }, await freePort(), { plan });
  proxy.startToCut = () => {
    isCutting = true;
    for (const pair of proxy.pairs) {
      const { afterBytes, mode } = cut();
      pair.cut = { afterBytes: pair.passed + afterBytes, mode };
    }
  };
  const open = async (launched, fields) => {
    const query = new URLSearchParams({ origin: `http://127.0.0.1:${proxy.port}`, body: json(fields) });
    const page = await launched(`${parts.gate.url}/ask.html?${query}`);
    atEnd(t, () => page.close());
    const look = () => page.evaluate(() => ({ text: window.text, result: window.result }));
    page.until = (what, condition) => {
      let seen;
      const text = () => `${what}; ${proxy.cuts} cuts; ${seen.text.length} characters, then "${seen.result}"; ${parts.gate.stderr}`;
      return until(text, async () => condition((seen = await look())), { every: 30, timeout: 60000 });
    };
    page.look = look;
    return page;
  };
  return { ...parts, proxy, open };
}

async function checkCuts(t, launched, kind) {
  const { asked, go, proxy, open } = await startPages(t, kind);
  const page = await open(launched, { tokens: TOKENS, hold: 10 });
  await page.until('the first tokens', ({ text }) => text.length > 0);
  proxy.startToCut();
  await go();
  await page.until('the whole answer', ({ result }) => result !== '');
  const { text, result } = await page.look();
  assert.equal(result, 'whole');
  assert.ok(text === wholeText(), `${text.length} of ${wholeText().length} characters`);
  assert.ok(proxy.cuts >= CUTS, `${proxy.cuts} cuts`);
  assert.equal(asked().length, 1, 'the backend was asked once');
  assert.equal(asked()[0].asked, PROMPT);
  const posts = proxy.requests.filter((line) => line.startsWith('POST')).length;
  assert.ok(posts > CUTS, `${posts} times posted`);
  t.diagnostic(`${proxy.cuts} cuts, ${proxy.requests.length} requests`);
}

for (const [name, launch] of Object.entries(browsers)) {
  test(`${name}: ${TOKENS} tokens, cut ${CUTS} times`, { skip: !launch && `no ${name} here` }, async (t) => {
    const launched = await launch(t);
    for (const kind of Object.keys(kinds)) await t.test(kind, (t) => checkCuts(t, launched, kind));
  });
}

test('pages', { skip: !browsers.Chromium && 'no Chromium here' }, async (t) => {
  const launched = await browsers.Chromium(t);

  await t.test('that are hidden leave, and come back for the rest', async (t) => {
    const code = documentedScript(GUIDE).replace('openWhenHidden: true', 'openWhenHidden: false');
    const { asked, gate, go, open } = await startPages(t, 'sse', { code });
    const page = await open(launched, { tokens: TOKENS, hold: 10 });
    await page.until('the first tokens', ({ text }) => text.length > 0);
    const hide = (isHidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, value: isHidden });
      document.dispatchEvent(new Event('visibilitychange'));
    };
    const subscribers = () => gate.metric('tidegate_subscribers');
    await page.evaluate(hide, true);
    await until('it has left', async () => (await subscribers()) === 0);
    await go();
    await until('the whole answer', async () => (await gate.metric('tidegate_stream_events_total')) >= TOKENS, { timeout: 60000 });
    const { text } = await page.look();
    assert.ok(text.length < wholeText(20).length, 'nothing comes while it is hidden');
    await page.evaluate(hide, false);
    await page.until('the whole answer', ({ result }) => result === 'whole');
    assert.ok((await page.look()).text === wholeText());
    assert.equal(asked().length, 1);
  });

  await t.test('that come back after the end', async (t) => {
    const { asked, go, proxy, open } = await startPages(t, 'sse');
    const page = await open(launched, { tokens: 20, hold: 10 });
    await page.until('the first tokens', ({ text }) => text.length >= wholeText(10).length);
    // Cut within what follows the last token.
    for (const pair of proxy.pairs) pair.cut = { afterBytes: 0, mode: 'rst', place: { text: `event: ${END}`, offset: 3 } };
    await go();
    await page.until('the end', ({ result }) => result !== '');
    assert.deepEqual(await page.look(), { text: wholeText(20), result: 'whole' });
    assert.equal(proxy.cuts, 1);
    assert.equal(asked().length, 1);
  });

  await t.test('that are told that the answer broke off, also when they had to come back', async (t) => {
    const { asked, go, proxy, open } = await startPages(t, 'sse');
    const page = await open(launched, { tokens: 20, hold: 10, breaks_after: 15 });
    await page.until('the first tokens', ({ text }) => text.length >= wholeText(10).length);
    for (const pair of proxy.pairs) pair.cut = { afterBytes: 0, mode: 'rst', place: { text: `event: ${UPSTREAM}`, offset: 3 } };
    await go();
    await page.until('the end', ({ result }) => result !== '');
    assert.deepEqual(await page.look(), { text: wholeText(15), result: 'failed' });
    assert.equal(proxy.cuts, 1);
    assert.equal(asked().length, 1);
  });

  await t.test('whose prompt is too long', async (t) => {
    const { asked, proxy, open } = await startPages(t, 'sse', { alter: (_, answer) => (answer.session.max_body = '16B') });
    const page = await open(launched);
    await page.until('the end', ({ result }) => result !== '');
    assert.deepEqual(await page.look(), { text: '', result: 'Error: 413' });
    assert.equal(proxy.requests.filter((line) => line.startsWith('POST')).length, 1, 'it is not tried again');
    assert.equal(asked().length, 0);
  });
});

// ---- one after the other ------------------------------------------------------------------------------------------

test('a reader in node, and curl', async (t) => {
  for (const kind of Object.keys(kinds)) {
    const { gate, facts, asked } = await start(t, kind);
    const answer = ask(t, gate, { body: json({ tokens: TOKENS }) });
    await answer.untilOver();
    assert.ok(answer.hasEnded, `the response ends in order: ${answer.error}`);
    assert.ok(answer.words === wholeText());
    assert.deepEqual(answer.tokens.map((event) => Number(event.id.split('-')[1])), Array.from({ length: TOKENS }, (_, at) => at + 1));
    assert.deepEqual(answer.end, { reason: 'until' });
    assert.equal(answer.events.at(-1).type, END);
    assert.deepEqual(answer.marks.map((event) => event.type), kind === 'ndjson' ? [] : ['message'], 'clients wait for it');
    await until('the end at the backend', () => facts().some((fact) => fact.end));
    if (kind === 'sse') assert.equal(asked()[0].type, 'application/json');

    const args = ['-sN', '-d', json(), '-H', 'Content-Type: application/json', '-D', '-', `${gate.url}/ask`];
    const { stdout } = await promisify(execFile)('curl', args);
    const events = [];
    const [head, body] = stdout.split(/\r\n\r\n([^]*)/);
    new SseParser((event) => events.push(event)).push(Buffer.from(body));
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n[^]*Content-Type: text\/event-stream/);
    const tokens = events.filter((event) => event.type === 'message' && event.data !== MARK);
    assert.equal(tokens.map((event) => JSON.parse(event.data).token).join(''), wholeText(20));
    assert.equal(asked().length, 2);
  }
});

test('a GET with the last id goes on', async (t) => {
  const { gate, asked, go } = await start(t, 'sse');
  const first = ask(t, gate, { body: json({ tokens: 30, hold: 10 }) });
  await first.until('the first tokens', () => first.tokens.length === 10);
  first.stop.abort();
  const get = (lastId) => ask(t, gate, { method: 'GET', headers: {}, lastId });
  const middle = first.tokens[4].id;
  const second = get(middle);
  await second.until('five tokens', () => second.tokens.length === 5);
  await go();
  await second.untilOver();
  assert.equal(first.tokens.slice(0, 5).concat(second.tokens).map((event) => JSON.parse(event.data).token).join(''), wholeText(30));
  assert.deepEqual(second.end, { reason: 'until' });

  // After the end, by GET or by the same POST.
  for (const again of [get, (lastId) => ask(t, gate, { body: json({ tokens: 30 }), lastId })]) {
    const rest = again(middle);
    await rest.untilOver();
    assert.equal(rest.words, second.words);
    assert.deepEqual(rest.end, { reason: 'until' });
    const all = again(`${middle.split('-')[0]}-0`);
    await all.untilOver();
    assert.equal(all.words, wholeText(30));
    const none = again(second.id);
    await none.over;
    assert.deepEqual([none.status, none.text], [204, '']);
  }
  const byQuery = new Answer(`${gate.url}/ask?lastEventId=${middle}`, { method: 'GET', headers: {} });
  await byQuery.untilOver();
  assert.equal(byQuery.words, second.words);
  for (const lastId of [undefined, `${'0'.repeat(32)}-1`]) {
    const stranger = get(lastId);
    await stranger.over;
    assert.equal(stranger.status, 405, 'a GET opens no session here');
  }
  assert.equal(asked().length, 1);
});

test('two at once are two sessions', async (t) => {
  const { gate, asked } = await start(t, 'sse');
  const prompts = ['one ', 'two ', 'one '];
  const answers = prompts.map((prompt) => ask(t, gate, { body: json({ prompt }) }));
  for (const [at, answer] of answers.entries()) {
    await answer.untilOver();
    assert.equal(answer.words, wholeText(20, prompts[at]));
  }
  assert.equal(new Set(answers.map((answer) => answer.id.split('-')[0])).size, 3);
  assert.deepEqual(asked().map((fact) => fact.asked).sort(), prompts.toSorted?.() ?? [...prompts].sort());
});

// ---- bodies -------------------------------------------------------------------------------------------------------

test('a body as text becomes a message', async (t) => {
  const { gate, asked } = await start(t, 'ndjson', { isPlain: false });
  const answer = ask(t, gate, { body: PROMPT, headers: { 'Content-Type': 'text/plain' } });
  await answer.untilOver();
  assert.ok(answer.words === wholeText());
  assert.deepEqual(asked().map((fact) => fact.asked), [PROMPT]);
  const latin1 = ask(t, gate, { body: Buffer.from([0x47, 0xfc]), headers: {} });
  await latin1.over;
  assert.equal(latin1.status, 400, 'what is not UTF-8 cannot be part of JSON');
  assert.equal(asked().length, 1);
});

test('a body as JSON becomes part of one', async (t) => {
  const alter = (_, answer) => (answer.session.message = '{"tokens":3,"prompt":{body}}');
  const { gate, asked } = await start(t, 'websocket', { alter });
  const answer = ask(t, gate, { body: JSON.stringify(PROMPT) });
  await answer.untilOver();
  assert.equal(answer.words, wholeText(3));
  for (const body of ['', 'no JSON', '"a","tokens":9', '"a"}{"b":"c"', '{']) {
    const bad = ask(t, gate, { body });
    await bad.over;
    assert.equal(bad.status, 400, body);
  }
  assert.equal(asked().length, 1);
});

test('a body as it is', async (t) => {
  const alter = (config, answer) => {
    const { url } = answer.upstream;
    answer.upstream.url = url.replace('/answer', '/text');
    answer.session.max_body = '1KiB';
  };
  const { gate, asked } = await start(t, 'sse', { alter });
  const bodies = [['{"a": 1}', 'application/json'], [PROMPT, 'text/plain; charset=utf-8'], ['x'.repeat(1024), 'text/plain; charset=utf-8']];
  for (const [body, type] of bodies) {
    const answer = ask(t, gate, { body, headers: {} });
    await answer.untilOver();
    assert.ok(answer.words === wholeText(20, body), `${type}: ${answer.status} ${answer.error?.cause} ${JSON.stringify(answer.events.slice(-3)).slice(0, 300)}`);
    assert.equal(asked().at(-1).type, type);
  }
  const refused = [[413, { body: 'x'.repeat(1025) }], [415, { body: 'x', headers: { 'Content-Encoding': 'gzip' } }], [405, { method: 'PUT', body: 'x' }]];
  for (const [status, options] of refused) {
    const answer = ask(t, gate, options);
    await answer.over;
    assert.equal(answer.status, status);
    assert.match(answer.text, new RegExp(`^${status} [A-Z]`));
  }
  assert.equal(asked().length, bodies.length);
});

// ---- the backend fails --------------------------------------------------------------------------------------------

async function assertFailed(answer, tokens, down, end = { reason: 'failed' }) {
  await answer.untilOver();
  assert.ok(answer.hasEnded, 'the response ends in order');
  assert.equal(answer.words, wholeText(tokens));
  assert.deepEqual(answer.outages.at(-1), { state: 'down', reason: down, ...(down === 'status' && { status: end.status }) });
  assert.deepEqual(answer.end, end);
  assert.equal(answer.events.at(-1).type, END);
}

test('an answer that breaks off is not asked for again', async (t) => {
  for (const kind of Object.keys(kinds)) {
    const { gate, asked } = await start(t, kind);
    const answer = ask(t, gate, { body: json({ breaks_after: 7 }) });
    await assertFailed(answer, 7, 'closed');
    const again = (lastId) => ask(t, gate, { body: json(), lastId });
    const late = again(answer.tokens.at(-1).id);
    await assertFailed(late, 0, 'closed');
    const over = again(answer.id);
    await over.over;
    assert.equal(over.status, 204, `who has been told is not told again: ${over.error?.cause}`);
    // Nothing may happen now, be it later than it would be asked again.
    await sleep(500);
    assert.equal(asked().length, 1, kind);
  }
});

test('a backend that is killed under an answer is not asked again', async (t) => {
  for (const kind of Object.keys(kinds)) {
    const { backend, gate, asked } = await start(t, kind);
    const answer = ask(t, gate, { body: json({ hold: 7 }) });
    await answer.until('seven tokens', () => answer.tokens.length === 7);
    await backend.kill();
    await assertFailed(answer, 7, 'closed');
    await backend.start();
    await sleep(500);
    assert.equal(asked().length, 1, kind);
  }
});

test('an answer that breaks off but has ids goes on', async (t) => {
  const { gate, asked } = await start(t, 'sse');
  const answer = ask(t, gate, { body: json({ is_numbered: true, breaks_after: 7 }) });
  await answer.untilOver();
  assert.equal(answer.words, wholeText(20));
  assert.deepEqual(answer.end, { reason: 'until' });
  assert.deepEqual(answer.outages.slice(-2), [{ state: 'down', reason: 'closed' }, { state: 'up' }]);
  assert.deepEqual(asked().map((fact) => [fact.asked, fact.after]), [[PROMPT, 0], [PROMPT, 7]]);
  const rest = ask(t, gate, { body: json(), lastId: answer.tokens[4].id });
  await rest.untilOver();
  assert.equal(rest.words, answer.words.slice(wholeText(5).length), 'ids of events name the session');
  assert.equal(asked().length, 2);
});

test('an answer that is none', async (t) => {
  const { gate, asked } = await start(t, 'sse');
  for (const status of [400, 404, 500, 502]) {
    await assertFailed(ask(t, gate, { body: json({ status }) }), 0, 'status', { reason: 'failed', status });
  }
  await assertFailed(ask(t, gate, { body: 'no JSON' }), 0, 'status', { reason: 'failed', status: 422 });
  assert.equal(asked().length, 4);
  const busy = ask(t, gate, { body: json({ status: 503 }) });
  await until('it is asked again', () => asked().length >= 7);
  assert.deepEqual(busy.outages.at(-1), { state: 'down', reason: 'status', status: 503 });
  assert.equal(busy.end, undefined);
});

test('an answer that does not begin', async (t) => {
  const { gate, asked } = await start(t, 'sse', { alter: (_, answer) => (answer.upstream.connect_timeout = '1s') });
  await assertFailed(ask(t, gate, { body: json({ is_silent: true }) }), 0, 'timeout');
  await sleep(500);
  assert.equal(asked().length, 1);
});

test('a backend that is down is asked once it is up', async (t) => {
  for (const kind of Object.keys(kinds)) {
    const { backend, gate, asked } = await start(t, kind);
    await backend.kill();
    const answer = ask(t, gate, { body: json() });
    await answer.until('word of it', () => answer.outages.at(-1)?.state === 'down');
    assert.deepEqual(answer.outages.at(-1), { state: 'down', reason: 'connect' });
    await until('attempts', async () => (await gate.metric('tidegate_upstream_attempts_total')) >= 3);
    await backend.start();
    await answer.untilOver();
    assert.equal(answer.words, wholeText(20));
    assert.deepEqual(answer.end, { reason: 'until' });
    assert.deepEqual(answer.outages.slice(-2), [{ state: 'down', reason: 'connect' }, { state: 'up' }]);
    assert.equal(asked().length, 1, kind);
  }
});

// A connection that was used before may be dead when the next request has been written: who then repeats it on a new
// connection may have been heard on the old one.
test('a prompt does not go over a used connection', async (t) => {
  const asked = [];
  const { server, port } = await serve(t, async (request, response) => {
    const { socket } = request;
    let body = '';
    for await (const part of request) body += part;
    asked.push(body);
    socket.answers = (socket.answers ?? 0) + 1;
    if (socket.answers > 1) socket.destroy();
    else response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Content-Length': 9 }).end('data: 1\n\n');
  });
  server.keepAliveTimeout = 0;
  const config = await documented(GUIDE, port);
  config.workers = 1;
  const gate = await startTidegate(t, config);
  for (const body of ['first', 'second', 'third']) {
    const answer = ask(t, gate, { body });
    await answer.untilOver();
    assert.deepEqual([answer.tokens.map((event) => event.data), answer.end], [['1'], { reason: 'closed' }]);
  }
  assert.deepEqual(asked, ['first', 'second', 'third']);
  // Nor is one kept that nothing can use.
  const connections = () => new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  await until('the connections to be closed', async () => (await connections()) === 0);
});

// A redirect that makes a GET of the POST says where the answer is: the prompt has been taken. One that keeps the POST passes
// it on.
test('a prompt that was taken is not repeated when the answer is elsewhere and cannot be got', async (t) => {
  const asked = [];
  let isBusy = true;
  const deadPort = await freePort();
  const { port } = await serve(t, async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    asked.push(`${request.method} ${body}`);
    if (request.url === '/busy') {
      response.writeHead(isBusy ? 503 : 200, { 'Content-Type': 'text/event-stream' }).end(isBusy ? '' : 'data: 1\n\n');
      return;
    }
    const [status, where] = body.split(' ');
    response.writeHead(status, { Location: where === 'dead' ? `http://127.0.0.1:${deadPort}/` : '/busy' }).end();
  });
  const config = await documented(GUIDE, port);
  config.streams.answer.upstream.reconnect = { first: '20ms', max: '100ms', stable: '0' };
  const gate = await startTidegate(t, config);
  const passedOn = ask(t, gate, { body: '307 busy' });
  for (const status of [301, 302, 303]) {
    for (const where of ['dead', 'busy']) {
      const answer = ask(t, gate, { body: `${status} ${where}` });
      const end = { reason: 'failed', ...(where === 'busy' && { status: 503 }) };
      await assertFailed(answer, 0, where === 'busy' ? 'status' : 'connect', end);
      await sleep(300);
      assert.equal(asked.filter((line) => line === `POST ${status} ${where}`).length, 1);
    }
  }
  assert.equal(asked.filter((line) => line === 'GET ').length, 3);
  isBusy = false; // what was passed on is asked again
  await passedOn.untilOver();
  assert.deepEqual([passedOn.tokens.map((event) => event.data), passedOn.end], [['1'], { reason: 'closed' }]);
});

// ---- the client goes ----------------------------------------------------------------------------------------------

test('when nobody comes back the backend can stop', async (t) => {
  for (const kind of Object.keys(kinds)) {
    const { gate, facts, asked, go } = await start(t, kind, { alter: (_, answer) => (answer.upstream.linger = '1s') });
    const answer = ask(t, gate, { body: json({ tokens: 1e6, hold: 10 }) });
    await answer.until('the first tokens', () => answer.tokens.length === 10);
    const { id } = answer;
    answer.stop.abort();
    const left = Date.now();
    await go();
    await until('the end at the backend', () => facts().some((fact) => fact.end));
    assert.ok(Date.now() - left > 900, 'not before linger is over');
    assert.equal(asked().length, 1);
    const late = ask(t, gate, { body: json({ tokens: 3 }), lastId: id });
    await late.untilOver();
    const [gap] = late.events.filter((event) => event.type === GAP);
    assert.deepEqual([JSON.parse(gap.data).reason, JSON.parse(gap.data).after], ['unknown', id]);
    assert.ok(late.events.indexOf(gap) < late.events.findIndex((event) => event.type === 'message'));
    assert.equal(late.words, wholeText(3));
    assert.equal(asked().length, 2, kind);
  }
});
