// WebKit gets 1,000 events a second whole, once and in order while its connection is cut, as Chromium and Firefox do
// in libraries.test.mjs, and every payload.
import assert from 'node:assert';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { startFeed } from './lib/feed.mjs';
import { libraryRoutes } from './lib/library-routes.mjs';
import { differences, END, sendAll } from './lib/payloads.mjs';
import { freePort } from './lib/ports.mjs';
import { randomCuts, startProxy, startStream, untilWhole } from './lib/random-cuts.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';
import { hasWebKit, launchWebKit } from './lib/webkit.mjs';

const file = path.join(path.dirname(fileURLToPath(import.meta.url)), 'lib/page.html');

test('WebKit', { skip: !hasWebKit && 'no webkit2gtk-driver, MiniBrowser and Xvfb here' }, async (t) => {
  const open = await launchWebKit(t);

  await t.test('every payload', async (t) => {
    const feed = await startFeed(t, await freePort(), { onClient: (socket) => sendAll(socket) });
    const config = await configFor(feed.url, { routes: [{ path: '/page', file }], stream: { initial: 'all' } });
    const gate = await startTidegate(t, config);
    await gate.untilReady();
    const page = await open(`${gate.url}/page`);
    const isLast = () => page.evaluate((end) => window.got.at(-1)?.data === end, END);
    await until('the last payload', isLast, { every: 100 });
    const got = await page.evaluate(() => window.got);
    assert.deepEqual(differences(got.filter((event) => !event.type.startsWith('tidegate.'))), []);
    await page.close();
  });

  const clients = {
    EventSource: { preflights: 0, cuts: 14 },
    'event-source-polyfill': { preflights: 0, cuts: 3 },
    'fetch-event-source that keeps its own id': { preflights: 1, cuts: 14 },
  };
  for (const [name, { preflights, cuts }] of Object.entries(clients)) {
    await t.test(`${name} on a page of another origin`, async (t) => {
      const port = await freePort();
      const { gate, sending } = await startStream(t, {
        listen: [{ address: '127.0.0.1', port }],
        routes: libraryRoutes,
        cors: { origins: [`http://127.0.0.1:${port}`] },
      });
      const plan = randomCuts({ cuts });
      const proxy = await startProxy(t, gate, plan);
      const url = `http://127.0.0.1:${proxy.port}/events`;
      const page = await open(`${gate.url}/libraries?${new URLSearchParams({ client: name, url })}`);
      const state = () => page.evaluate(() => ({ ...window.whole }));
      await untilWhole(t, { name: `${name} in WebKit`, state, proxy, plan, sending });
      const asked = proxy.requests.filter((line) => line.startsWith('OPTIONS')).length;
      assert.equal(Math.min(asked, 1), preflights, `${asked} preflights`);
      await page.close();
    });
  }
});
