// The native EventSource of Chromium and Firefox against Tidegate: every payload, and nothing lost over cuts.
import assert from 'node:assert';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { atEnd } from './lib/at-end.mjs';
import { browsers } from './lib/browsers.mjs';
import { Continuity } from './lib/continuity.mjs';
import { startCuttingProxy } from './lib/cutting-proxy.mjs';
import { startFeed } from './lib/feed.mjs';
import { differences, END, sendAll } from './lib/payloads.mjs';
import { freePort } from './lib/ports.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const file = path.join(path.dirname(fileURLToPath(import.meta.url)), 'lib/page.html');
const routes = [{ path: '/page', file }];

for (const [name, launch] of Object.entries(browsers)) {
  test(`${name}: native EventSource`, { skip: !launch && `no ${name} here` }, async (t) => {
    const open = await launch(t);

    await t.test('every payload', async (t) => {
      const feed = await startFeed(t, await freePort(), { onClient: (socket) => sendAll(socket) });
      const gate = await startTidegate(t, await configFor(feed.url, { routes, stream: { initial: 'all' } }));
      await gate.untilReady();
      const page = await open(`${gate.url}/page`);
      const isLast = () => page.evaluate((end) => window.got.at(-1)?.data === end, END);
      await until('the last payload', isLast, { every: 100 });
      const got = await page.evaluate(() => window.got);
      const events = got.filter((event) => !event.type.startsWith('tidegate.'));
      // Firefox drops U+0000 from data.
      const alter = name === 'Firefox' ? (data) => data.replaceAll('\0', '') : undefined;
      assert.deepEqual(differences(events, { alter }), []);
      await page.close();
    });

    await t.test('nothing lost over 6 cuts', async (t) => {
      const feed = await startFeed(t, await freePort());
      const gate = await startTidegate(t, await configFor(feed.url, { routes, workers: 2, stream: { initial: 'all' } }));
      const proxy = await startCuttingProxy(t, { port: gate.port, host: '127.0.0.1' }, await freePort());
      await gate.untilReady();
      const page = await open(`http://127.0.0.1:${proxy.port}/page`);
      const count = () => page.evaluate(() => window.got.filter((event) => event.type === 'message').length);
      const countErrors = () => page.evaluate(() => window.errors);
      const sending = feed.sendAtRate(300, (n) => `${n}\n${'x'.repeat(n % 1000)}`);
      atEnd(t, () => sending.stop());
      for (let cut = 0; cut < 6; cut++) {
        const before = await count();
        await until(`events after ${cut} cuts`, async () => (await count()) > before + 30, { every: 50, timeout: 60000 });
        proxy.cutAll(cut % 2 ? 'fin' : 'rst');
        // What came before it may still wait in the page.
        await until(`cut ${cut + 1} to be noticed`, async () => (await countErrors()) > cut, { every: 50 });
      }
      const sent = sending.stop();
      await until('all events', async () => (await count()) >= sent, { every: 100, timeout: 60000 });
      const got = await page.evaluate(() => window.got);
      const continuity = new Continuity();
      for (const event of got) {
        if (event.type === 'tidegate.upstream') continue;
        continuity.take(event);
        assert.ok(event.data.startsWith(`${continuity.events}\n`));
      }
      assert.equal(continuity.events, sent);
      t.diagnostic(`${sent} events, ${await countErrors()} cuts noticed, nothing lost`);
      await page.close();
    });

    await t.test('kill -9 of Tidegate: a gap event, then the new epoch', async (t) => {
      const feed = await startFeed(t, await freePort());
      const gate = await startTidegate(t, await configFor(feed.url, { routes, stream: { initial: 'all' } }));
      await gate.untilReady();
      const page = await open(`${gate.url}/page`);
      const sending = feed.sendAtRate(100, (n) => `${n}`);
      atEnd(t, () => sending.stop());
      const has = (type) => page.evaluate((type) => window.got.some((event) => event.type === type), type);
      await until('events', () => has('message'), { every: 50 });
      await gate.kill();
      await gate.start();
      await until('a gap event', () => has('tidegate.gap'), { every: 100 });
      await until('an event after it', () => page.evaluate(() => window.got.at(-1).type === 'message'), { every: 50 });
      const got = await page.evaluate(() => window.got);
      const at = got.findIndex((event) => event.type === 'tidegate.gap');
      const gap = JSON.parse(got[at].data);
      const isMessage = (event) => event.type === 'message';
      assert.equal(gap.reason, 'epoch');
      assert.equal(gap.after, got.slice(0, at).filter(isMessage).at(-1).id);
      if (gap.before) assert.equal(gap.before, got.slice(at).find(isMessage).id);
      await page.close();
    });
  });
}
