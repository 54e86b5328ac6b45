// Plain sessions, as docs/backends.md has them: a client that takes every event for data gets what it would get from the
// backend itself, and an error where the answer is not whole.
import assert from 'node:assert';
import test from 'node:test';
import OpenAI from 'openai';
import { documented } from './lib/documented.mjs';
import { serve } from './lib/serve.mjs';
import { startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const GUIDE = "OpenAI's SDKs, and others that take every event for data";
const PATH = '/v1/chat/completions';
const TOKENS = Array.from({ length: 200 }, (_, at) => `${at} wörter, "quoted"\n`);
const EVENTS = [...TOKENS.map((content) => JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { content } }] })), '[DONE]'];
const WHOLE = EVENTS.map((data) => `data: ${data}\n\n`);
const ask = (how) => ({ model: 'm', stream: true, messages: [{ role: 'user', content: how }] });

// What it is asked decides what it does: "whole"; "half", and the connection is gone; "hold", half of it until `go()`;
// "refuse".
class Completions {
  asked = [];
  closed = 0;
  go = () => {};

  async start(t) {
    ({ port: this.port } = await serve(t, (request, response) => this.#answer(request, response)));
    return this;
  }

  async #answer(request, response) {
    let text = '';
    for await (const part of request) text += part;
    const how = JSON.parse(text).messages[0].content;
    this.asked.push({ url: request.url, authorization: request.headers.authorization, how });
    response.on('close', () => (this.closed += 1));
    if (how === 'refuse') {
      response.writeHead(422).end('no');
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(WHOLE.slice(0, 100).join(''));
    if (how === 'half') response.destroy();
    if (how === 'hold') await new Promise((go) => (this.go = go));
    response.end(WHOLE.slice(100).join(''));
  }
}

async function start(t, alter = () => {}) {
  const backend = await new Completions().start(t);
  const config = await documented(GUIDE, backend.port);
  alter(config);
  const gate = await startTidegate(t, config);
  const client = new OpenAI({ baseURL: `${gate.url}/v1`, apiKey: 'key-of-the-user', maxRetries: 0 });
  const post = (how, options) => fetch(gate.url + PATH, { method: 'POST', body: JSON.stringify(ask(how)), ...options });
  return { backend, gate, client, post };
}

async function read(stream) {
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0].delta.content;
  return text;
}

test("OpenAI's client reads an answer through Tidegate as it would from the backend", async (t) => {
  const { backend, client } = await start(t);
  assert.equal(await read(await client.chat.completions.create(ask('whole'))), TOKENS.join(''));
  assert.deepEqual(backend.asked, [{ url: PATH, authorization: 'Bearer key-of-the-user', how: 'whole' }]);
});

test('nothing but comments is added, whatever the client asks for', async (t) => {
  const { post } = await start(t);
  const response = await post('whole', { headers: { 'Last-Event-ID': 'x-1', Accept: 'text/event-stream' } });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.equal((await response.text()).replaceAll(':\n\n', ''), WHOLE.join(''));
});

test('heartbeats in a long pause are no events', async (t) => {
  const { backend, gate, client } = await start(t, (config) => (config.sse = { heartbeat: '1s' }));
  const text = read(await client.chat.completions.create(ask('hold')));
  await until('there were heartbeats', async () => (await gate.metric('tidegate_heartbeats_total')) >= 2);
  backend.go();
  assert.equal(await text, TOKENS.join(''));
});

test('an answer that breaks off, or is refused, is an error of the client', async (t) => {
  const { backend, client, post } = await start(t);
  for (const how of ['half', 'refuse']) {
    await assert.rejects(async () => read(await client.chat.completions.create(ask(how))), how);
    await assert.rejects(async () => (await post(how)).text(), how);
  }
  assert.deepEqual(backend.asked.map(({ how }) => how), ['half', 'half', 'refuse', 'refuse']);
});

test('an answer of which an event is lost breaks off, since nothing else can tell of it', async (t) => {
  const { gate, client, post } = await start(t, (config) => {
    for (const stream of Object.values(config.streams)) stream.upstream.max_message = '81';
  });
  const response = await post('whole');
  const text = [];
  await assert.rejects(async () => {
    for await (const part of response.body) text.push(Buffer.from(part).toString());
  });
  const got = text.join('').replaceAll(':\n\n', '');
  assert.ok(WHOLE.join('').startsWith(got) && got.length > 0, 'what comes is the beginning of the answer');
  await assert.rejects(async () => read(await client.chat.completions.create(ask('whole'))));
  assert.ok((await gate.metric('tidegate_upstream_dropped_messages_total', /oversize/)) >= 1);
});

test('when the client has gone, so has its request to the backend', async (t) => {
  const { backend, gate, post } = await start(t);
  const stop = new AbortController();
  const response = await post('hold', { signal: stop.signal });
  const reader = response.body.getReader();
  await reader.read();
  assert.equal(backend.closed, 0);
  stop.abort();
  await until('the backend has noticed', () => backend.closed === 1);
  await until('nothing is left', async () => (await gate.metric('tidegate_stream_members')) === 0);
});

test('a shutdown in the middle is no end of the answer', async (t) => {
  const { gate, post } = await start(t);
  const text = (await post('hold')).text();
  const rejected = assert.rejects(text);
  await gate.stop();
  await rejected;
});
