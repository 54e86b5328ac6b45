// A chat through Tidegate, with the configuration and the script of docs/backends.md: users in browsers of their own, each
// with a session; messages go up by POST and come down as events.
import assert from 'node:assert';
import test from 'node:test';
import { browsers } from './lib/browsers.mjs';
import { Chat, RETRY_MS, startChat } from './lib/chat.mjs';
import { GAP, splitId, UPSTREAM } from './lib/continuity.mjs';
import { startCuttingProxy } from './lib/cutting-proxy.mjs';
import { freePort } from './lib/ports.mjs';
import { sleep, until } from './lib/wait.mjs';
import { hasWebKit, launchWebKit } from './lib/webkit.mjs';

const isOwn = (event) => !event.type.startsWith('tidegate.');
const texts = (got, from) => got.filter((event) => event.data.from === from).map((event) => event.data.text);

// All of one session: its user's events only, each of them, once and in order. Returns its token.
function assertWhole(got, user) {
  const own = got.filter(isOwn);
  const { epoch } = splitId(own[0].id);
  own.forEach(({ id, data }, at) => {
    assert.equal(data.to, user);
    assert.equal(id, `${epoch}-${at + 1}`);
  });
  assert.ok(!got.some((event) => event.type === GAP), 'no gap');
  return epoch;
}

// What the backend said on one connection is whole, too.
const assertOneConnection = (got) => assert.deepEqual(got.filter(isOwn).map(({ data }) => data.n), got.filter(isOwn).map((_, at) => at + 1));

const cases = {
  async 'each has a session, and hears everybody'(t, ann, bob) {
    const { gate, opened, said } = await startChat(t, { isLimited: true });
    const a = await Chat.enter(t, ann, 'ann', gate.url);
    const b = await Chat.enter(t, bob, 'bob', gate.url);
    assert.equal(await a.say('hello'), 202);
    for (const chat of [a, b]) await chat.untilSaid('hello');
    assert.equal(await b.say('hi, Grüße 🌊'), 202);
    for (const chat of [a, b]) await chat.untilSaid('hi, Grüße 🌊');
    assert.notEqual(assertWhole(await a.got(), 'ann'), assertWhole(await b.got(), 'bob'));
    assert.deepEqual([opened('ann'), opened('bob')], [1, 1]);
    assert.ok((await a.got()).every((event) => event.id), 'each event tells the page an id');

    assert.equal(await b.say('x'.repeat(5000)), 413);
    const answers = await b.page.evaluate(async () => {
      const all = await Promise.all(Array.from({ length: 60 }, (_, n) => say(`many ${n}`)));
      return all.map((answer) => ({ status: answer.status, after: answer.headers.get('Retry-After') }));
    });
    const refused = answers.filter((answer) => answer.status === 429);
    assert.ok(refused.length > 0 && refused.every((answer) => Number(answer.after) >= 1), JSON.stringify(answers));
    assert.equal(await a.say('others may go on'), 202);
    await a.untilSaid('others may go on');
    await until('all that was not refused', () => refused.length + said('bob').length >= 61);
    assert.equal(refused.length + said('bob').length, 61);
  },

  async 'a page that is loaded again within linger'(t, ann, bob) {
    const { gate, opened, said } = await startChat(t);
    const a = await Chat.enter(t, ann, 'ann', gate.url);
    const b = await Chat.enter(t, bob, 'bob', gate.url);
    const talk = b.talk();
    for (let round = 0; round < 3; round++) {
      await a.untilMore(30);
      await a.page.reload();
      await a.page.reload();
    }
    await a.untilMore(10);
    await a.page.goto('about:blank');
    const before = said('bob').length;
    await until('words while nobody listens', () => said('bob').length > before + 30);
    await a.page.goto(a.url);
    await a.untilMore(30);
    const count = await talk.stop();
    await a.untilSaid(String(count));
    assert.equal(await a.say('still me'), 202);
    await a.untilSaid('still me');
    const got = await a.got();
    const token = assertWhole(got, 'ann');
    assertOneConnection(got);
    assert.deepEqual(texts(got, 'bob'), Array.from({ length: count }, (_, n) => String(n + 1)));
    assert.deepEqual([opened('ann'), opened('bob')], [1, 1]);

    await a.listen(`/chat?room=tea&lastEventId=${token}-0`);
    await until('all of it again', async () => (await a.heard()).length >= got.filter(isOwn).length, { every: 30 });
    assertOneConnection(await a.heard());
  },

  async 'a connection that is cut'(t, ann, bob) {
    const { gate, opened } = await startChat(t);
    const proxy = await startCuttingProxy(t, { port: gate.port, host: '127.0.0.1' }, await freePort());
    const a = await Chat.enter(t, ann, 'ann', `http://127.0.0.1:${proxy.port}`);
    const b = await Chat.enter(t, bob, 'bob', gate.url);
    const talk = b.talk();
    const errors = () => a.page.evaluate(() => window.errors);
    for (let cut = 0; cut < 6; cut++) {
      await a.untilMore(20);
      proxy.cutAll(cut % 2 ? 'fin' : 'rst');
      await until('the browser notices', async () => (await errors()) > cut, { every: 30 });
    }
    await a.untilMore(20);
    const count = await talk.stop();
    await a.untilSaid(String(count));
    const got = await a.got();
    assertWhole(got, 'ann');
    assertOneConnection(got);
    assert.deepEqual(texts(got, 'bob'), Array.from({ length: count }, (_, n) => String(n + 1)));
    assert.equal(opened('ann'), 1);
  },

  async 'nobody else can have the session'(t, ann, bob) {
    const { gate, opened, said } = await startChat(t);
    const a = await Chat.enter(t, ann, 'ann', gate.url);
    const b = await Chat.enter(t, bob, 'bob', gate.url);
    assert.equal(await a.say('secret of the room'), 202);
    await b.untilSaid('secret of the room');
    const stolen = (await a.got())[0].id;
    await b.listen(`/chat?room=tea&lastEventId=${stolen}`);
    await b.untilHeard('a welcome', (event) => event.type === 'welcome');
    const heard = await b.heard();
    const gap = heard.find((event) => event.type === GAP);
    assert.deepEqual([gap.data.reason, gap.data.after, gap.data.missed], ['unknown', stolen, null]);
    assert.ok(heard.indexOf(gap) < heard.findIndex(isOwn), 'the gap comes first');
    assert.ok(heard.filter(isOwn).every((event) => event.data.to === 'bob' && event.data.text === undefined));
    assert.ok(heard.every((event) => event.id && !event.id.startsWith(stolen.split('-')[0])), 'a token of its own');
    assert.deepEqual([opened('ann'), opened('bob')], [1, 2]);

    const send = (id) => fetch(`/chat/send?lastEventId=${id}`, { method: 'POST', body: '{"text":"forged"}' }).then((answer) => answer.status);
    assert.equal(await b.page.evaluate(send, stolen), 404);
    for (const [method, place] of [['GET', '/chat?room=tea&lastEventId='], ['POST', '/chat/send?lastEventId=']]) {
      const answer = await fetch(`${gate.url}${place}${stolen}`, { method, body: method === 'POST' ? '{"text":"forged"}' : undefined });
      assert.equal(answer.status, 401, `${method} without the cookie`);
    }
    assert.equal(await a.say('mine'), 202);
    await a.untilSaid('mine');
    assert.deepEqual([said('ann'), said('bob')], [['secret of the room', 'mine'], []]);
  },

  async 'without identity the token is the key'(t, ann, bob) {
    const { gate, opened, said } = await startChat(t, { alter: (config) => delete config.streams.chat.session.identity });
    const a = await Chat.enter(t, ann, 'ann', gate.url);
    const b = await Chat.enter(t, bob, 'bob', gate.url);
    const id = await a.id();
    const [token] = id.split('-');
    const send = (id) => fetch(`${gate.url}/chat/send?lastEventId=${id}`, { method: 'POST', body: '{"text":"anyone"}' });
    const changed = [...token].map((digit, at) => `${token.slice(0, at)}${digit === '0' ? '1' : '0'}${id.slice(at + 1)}`);
    for (const other of [...changed, token, `${token.slice(1)}-1`, token.toUpperCase() + id.slice(token.length)].filter((other) => other !== id)) {
      assert.equal((await send(other)).status, 404, `an id that is not quite ${id}: ${other}`);
    }
    await b.listen(`/chat?room=tea&lastEventId=${changed.at(-1)}`);
    await b.untilHeard('a session of its own', (event) => event.type === 'welcome' && event.data.to === 'bob');
    assert.ok((await b.heard()).some((event) => event.type === GAP));
    await b.page.evaluate(() => (document.cookie = 'sid=; path=/'));
    await b.listen('/chat?room=tea');
    await b.untilHeard('the refusal of the backend', (event) => event.data.state === 'down' && event.data.reason === 'handshake');
    await b.listen(`/chat?room=tea&lastEventId=${token}-0`);
    await b.untilHeard('the session of the id', (event) => event.type === 'welcome' && event.data.to === 'ann');
    assert.equal((await send(id)).status, 202);
    await a.untilSaid('anyone');
    assert.deepEqual([opened('ann'), opened('bob'), said('ann'), said('bob')], [1, 2, ['anyone'], []]);
  },

  async 'the backend says goodbye'(t, ann) {
    const { gate, opened, closed } = await startChat(t);
    const proxy = await startCuttingProxy(t, { port: gate.port, host: '127.0.0.1' }, await freePort());
    const asked = () => proxy.requests.filter((line) => line.startsWith('GET /chat?')).length;
    const a = await Chat.enter(t, ann, 'ann', `http://127.0.0.1:${proxy.port}`);
    const id = await a.id();
    assert.equal(await a.say('/quit'), 202);
    await until('the end of the EventSource', () => a.page.evaluate(() => chat.readyState === EventSource.CLOSED), { every: 30 });
    const got = await a.got();
    assert.equal(got.at(-1).type, 'tidegate.end');
    assert.equal(got.filter((event) => event.type === 'tidegate.end').length, 1);
    assert.equal(asked(), 2, 'once more, for the 204');
    assert.equal(await a.say('anyone here?'), 409);
    const cookies = { headers: { Cookie: 'sid=ann' } };
    assert.equal((await fetch(`${gate.url}/chat?room=tea&lastEventId=${id}`, cookies)).status, 204);
    // Nothing may happen now, be it later than anyone would try again.
    await sleep(10 * RETRY_MS);
    assert.equal(asked(), 2);
    assert.deepEqual(closed('ann'), [{ closed: 'ann', code: 1000 }]);
    assert.equal(opened('ann'), 1);

    await a.page.reload();
    await a.untilLast('a new welcome', (event) => event.type === 'welcome');
    const again = await a.id();
    await a.page.goto('about:blank');
    const quit = await fetch(`${gate.url}/chat/send?lastEventId=${again}`, { method: 'POST', body: '{"text":"/quit"}', ...cookies });
    assert.equal(quit.status, 202);
    await until('the second end', () => closed('ann').length === 2);
    await a.page.goto(a.url);
    await until('204 at once', () => a.page.evaluate(() => chat.readyState === EventSource.CLOSED), { every: 30 });
    await a.page.reload();
    await a.untilLast('the third welcome', (event) => event.type === 'welcome' && splitId(event.id).epoch !== splitId(again).epoch);
    assert.ok(!(await a.got()).some((event) => event.type === GAP), 'the page has forgotten the sessions that are over');
    assert.equal(opened('ann'), 3);
  },

  async 'nobody came back'(t, ann) {
    const { gate, opened, closed } = await startChat(t, { alter: (config) => (config.streams.chat.upstream.linger = '1s') });
    const a = await Chat.enter(t, ann, 'ann', gate.url);
    const id = await a.id();
    const left = Date.now();
    await a.page.goto('about:blank');
    await until('the end of the connection', () => closed('ann').length === 1);
    assert.ok(Date.now() - left > 900, 'not before linger is over');
    assert.equal(opened('ann'), 1);
    await a.page.goto(a.url);
    await a.untilLast('a new welcome', (event) => event.type === 'welcome' && splitId(event.id).epoch !== splitId(id).epoch);
    const gap = (await a.got()).find((event) => event.type === GAP);
    assert.deepEqual([gap.data.reason, gap.data.after], ['unknown', id]);
    assert.equal(opened('ann'), 2);
  },

  async 'the backend is killed'(t, ann, bob) {
    const { backend, gate, opened } = await startChat(t);
    const a = await Chat.enter(t, ann, 'ann', gate.url);
    const b = await Chat.enter(t, bob, 'bob', gate.url);
    assert.equal(await a.say('before'), 202);
    for (const chat of [a, b]) await chat.untilSaid('before');
    await backend.kill();
    for (const chat of [a, b]) await chat.untilLast('word of it', (event) => event.type === UPSTREAM && event.data.state === 'down');
    assert.equal((await a.got()).at(-1).data.reason, 'closed');
    assert.equal(await a.say('while it is down'), 409);
    await a.page.reload();
    await backend.start();
    for (const chat of [a, b]) await chat.untilLast('a welcome again', (event) => event.type === 'welcome');
    assert.equal(await b.say('after'), 202);
    for (const [chat, user] of [[a, 'ann'], [b, 'bob']]) {
      await chat.untilSaid('after');
      const got = await chat.got();
      assertWhole(got, user);
      assert.deepEqual(got.filter(isOwn).map(({ type, data }) => data.text ?? type), ['welcome', 'before', 'welcome', 'after']);
      const { room } = got.findLast((event) => event.type === 'welcome').data;
      assert.equal(room, 'tea', 'the query is remembered, too');
      assert.equal(opened(user), 2);
    }
  },

  async 'a page of another origin'(t, ann, bob) {
    const origins = await Promise.all([1, 2].map(async () => ({ address: '127.0.0.1', port: await freePort() })));
    const [friend, stranger] = origins.map(({ port }) => `http://127.0.0.1:${port}`);
    const cors = { origins: [friend], credentials: true };
    const alter = (config) => {
      config.listen.push(...origins);
      for (const route of config.routes) if (route.path.startsWith('/chat')) route.cors = cors;
    };
    const { gate, said } = await startChat(t, { alter });
    const post = ([url, credentials]) => fetch(url, {
      method: 'POST', credentials, headers: { 'Content-Type': 'application/json' }, body: '{"text":"from afar"}',
    }).then((answer) => answer.status, (error) => error.name);

    const a = await Chat.enter(t, ann, 'ann', friend);
    await a.listen(`${gate.url}/chat?room=afar`, { withCredentials: true });
    await a.untilHeard('a welcome', (event) => event.type === 'welcome' && event.data.room === 'afar');
    const { id } = (await a.heard()).at(-1);
    const url = `${gate.url}/chat/send?lastEventId=${id}`;
    assert.equal(await a.page.evaluate(post, [url, 'include']), 202);
    await a.untilHeard('what it said', (event) => event.data.text === 'from afar');
    assert.equal(await a.page.evaluate(post, [url, 'omit']), 401);

    const b = await Chat.enter(t, bob, 'ann', stranger);
    await b.listen(`${gate.url}/chat?room=afar`, { withCredentials: true });
    await until('it is refused', () => b.page.evaluate(() => window.other.readyState === EventSource.CLOSED), { every: 30 });
    assert.deepEqual(await b.heard(), []);
    assert.equal(await b.page.evaluate(post, [url, 'include']), 'TypeError');
    const blind = (url) => fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{"text":"blind"}' }).then(() => 0);
    await b.page.evaluate(blind, url);
    assert.equal(await a.page.evaluate(post, [url, 'include']), 202);
    await until('what the friend said', () => said('ann').length > 1);
    assert.deepEqual(said('ann'), ['from afar', 'from afar']);
  },
};

for (const [name, launch] of Object.entries({ ...browsers, WebKit: hasWebKit && launchWebKit })) {
  test(`${name}: a chat`, { skip: !launch && `no ${name} here` }, async (t) => {
    const [ann, bob] = [await launch(t), await launch(t)];
    for (const [title, check] of Object.entries(cases)) await t.test(title, (t) => check(t, ann, bob));
  });
}
