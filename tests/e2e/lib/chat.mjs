// A chat as docs/backends.md has it, configuration and script of the page, and its users in their browsers.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startBackend } from '../backends/backend.mjs';
import { atEnd } from './at-end.mjs';
import { documented, documentedScript } from './documented.mjs';
import { startTidegate } from './tidegate.mjs';
import { until } from './wait.mjs';

const HEADING = 'A chat: one connection for each user';
export const RETRY_MS = 100;

const pageOf = (code) => `<!doctype html><meta charset="utf-8"><title>Chat</title>
<script>
  document.cookie = 'sid=' + new URLSearchParams(location.search).get('user') + '; path=/';
  window.got = JSON.parse(sessionStorage.getItem('got') ?? '[]'); // all that was ever shown in this tab
  window.errors = 0;
  function show(e) {
    window.got.push({ type: e.type, data: JSON.parse(e.data), id: e.lastEventId });
    sessionStorage.setItem('got', JSON.stringify(window.got));
  }
</script>
<script>
${code}
  chat.addEventListener('error', () => window.errors++);
</script>
`;

// `alter` changes the documented configuration; rates are those of the guide only if `isLimited`.
export async function startChat(t, { alter = () => {}, isLimited = false } = {}) {
  const backend = await startBackend(t, 'chat.mjs');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tidegate-chat-'));
  atEnd(t, () => fs.rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'chat.html');
  const config = await documented(HEADING, backend.port);
  fs.writeFileSync(file, pageOf(documentedScript(HEADING)));
  config.sse = { retry: `${RETRY_MS}ms` };
  config.workers = 2;
  config.streams.chat.upstream.reconnect = { first: '50ms', max: '200ms' };
  config.routes.push({ path: '/chat.html', file });
  if (!isLimited) delete config.routes.find((route) => route.send).rate;
  await alter(config);
  const gate = await startTidegate(t, config);
  const facts = () => fs.readFileSync(backend.file, 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line));
  const opened = (user) => facts().filter((fact) => fact.opened === user).length;
  const closed = (user) => facts().filter((fact) => fact.closed === user);
  const said = (user) => facts().filter((fact) => fact.said === user).map((fact) => fact.text);
  return { backend, gate, opened, closed, said };
}

// A user's page, in a browser of theirs.
export class Chat {
  constructor(page, url) {
    Object.assign(this, { page, url });
  }

  static async enter(t, open, user, origin) {
    const url = `${origin}/chat.html?user=${user}`;
    const chat = new Chat(await open(url), url);
    atEnd(t, () => chat.page.close());
    await chat.untilLast('a welcome', (event) => event.type === 'welcome');
    return chat;
  }

  got() {
    return this.page.evaluate(() => window.got);
  }

  say(text) {
    return this.page.evaluate(async (text) => (await say(text)).status, text);
  }

  id() {
    return this.page.evaluate(() => sessionStorage.getItem('chat'));
  }

  until(what, condition) {
    let got = [];
    const last = () => `${what}; at last: ${JSON.stringify(got.slice(-5))}`;
    return until(last, async () => condition((got = await this.got())), { every: 30 });
  }

  untilLast(what, matches) {
    return this.until(what, (got) => got.length > 0 && matches(got.at(-1)));
  }

  untilSaid(text) {
    return this.until(`"${text}"`, (got) => got.some((event) => event.data.text === text));
  }

  async untilMore(count) {
    const before = (await this.got()).length;
    await this.until(`${count} events more`, (got) => got.length >= before + count);
  }

  // "1", "2", … one after the other, until stop() tells how many.
  talk() {
    const talking = this.page.evaluate(async () => {
      window.isTalking = true;
      for (let n = 1; ; n++) {
        const { status } = await say(String(n));
        if (status !== 202) throw new Error(`message ${n} was answered with ${status}`);
        if (!window.isTalking) return n;
      }
    });
    talking.catch(() => {});
    return { stop: () => this.page.evaluate(() => void (window.isTalking = false)).then(() => talking) };
  }

  // What another EventSource of this page gets, as `heard`, until it is closed.
  async listen(url, options = {}) {
    await this.page.evaluate(([url, options]) => {
      window.other?.close();
      window.other = new EventSource(url, options);
      window.heard = [];
      const hear = (e) => window.heard.push({ type: e.type, data: JSON.parse(e.data), id: e.lastEventId });
      for (const type of ['welcome', 'message', 'tidegate.upstream', 'tidegate.gap']) window.other.addEventListener(type, hear);
    }, [url, options]);
  }

  heard() {
    return this.page.evaluate(() => window.heard);
  }

  untilHeard(what, matches) {
    return until(what, async () => (await this.heard()).some(matches), { every: 30 });
  }
}
