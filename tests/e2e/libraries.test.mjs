// Client libraries and browsers get 1,000 events a second whole, once and in order while their connections are cut
// within events, ids, chunks and response heads; from pages of another origin, too.
import assert from 'node:assert';
import test from 'node:test';
import polyfill from 'event-source-polyfill';
import { atEnd } from './lib/at-end.mjs';
import { browsers } from './lib/browsers.mjs';
import { clients } from './lib/clients.mjs';
import { startFeed } from './lib/feed.mjs';
import { libraryRoutes } from './lib/library-routes.mjs';
import { freePort } from './lib/ports.mjs';
import { randomCuts, startProxy, startStream, untilWhole } from './lib/random-cuts.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';
import { Whole } from './lib/whole.mjs';

// As HTML has it, these stop for good after half a response head, which is no answer they could read.
const endsForGood = ['EventSource', 'undici EventSource'];

test('in node', { concurrency: true }, async (t) => {
  t.mock.method(console, 'error', () => {}); // the polyfill tells of every cut
  const { gate, sending } = await startStream(t);
  const runs = Object.entries(clients).map(([name, open]) =>
    t.test(name, { skip: !open && 'not in this version' }, async (t) => {
      // The polyfill waits a second at least before it connects again.
      const cuts = name === 'npm event-source-polyfill' ? 7 : 30;
      const plan = randomCuts({ cuts, head: !endsForGood.includes(name) });
      const proxy = await startProxy(t, gate, plan);
      const whole = new Whole();
      const close = open(`http://127.0.0.1:${proxy.port}/events`, (event) => whole.take(event));
      atEnd(t, close);
      await untilWhole(t, { name, state: () => whole, proxy, plan, sending });
    }),
  );
  await Promise.all(runs);
});

test('event-source-polyfill does not take a heartbeat for silence', async (t) => {
  const feed = await startFeed(t, await freePort());
  const gate = await startTidegate(t, await configFor(feed.url, { sse: { heartbeat: '1s' } }));
  await gate.untilReady();
  const source = new polyfill.EventSourcePolyfill(`${gate.url}/events`, { heartbeatTimeout: 6000 });
  atEnd(t, () => source.close());
  let errors = 0;
  source.onerror = () => errors++;
  await until('heartbeats for longer than its patience', async () => (await gate.metric('tidegate_heartbeats_total')) >= 9, { every: 50 });
  assert.equal(errors, 0, 'it reconnected');
});

// Pages of one origin read from another, through a proxy each.
const chromiumClients = {
  EventSource: { preflights: 0 },
  'event-source-polyfill': { preflights: 0, cuts: 7 },
  'reconnecting-eventsource': { preflights: 0, answers: true },
  'sse.js': { preflights: 1 },
  // Loses an event whose last byte is missing, since it has taken over the id already: see libraries.mjs.
  'fetch-event-source': { preflights: 1 },
  'fetch-event-source that keeps its own id': { preflights: 1 },
};
const firefoxClients = { EventSource: { preflights: 0, cuts: 10 } };

for (const [browser, list] of [['Chromium', chromiumClients], ['Firefox', firefoxClients]]) {
  const launch = browsers[browser];
  test(`in ${browser}`, { skip: !launch && `no ${browser} here`, concurrency: true }, async (t) => {
    const address = await freePort();
    const origin = `http://127.0.0.1:${address}`;
    const { gate, sending } = await startStream(t, {
      listen: [{ address: '127.0.0.1', port: address }],
      routes: libraryRoutes,
      cors: { origins: [origin] },
    });
    const open = await launch(t);
    const runs = Object.entries(list).map(([name, { preflights, cuts = 20, answers }]) =>
      t.test(name, async (t) => {
        const plan = randomCuts({ cuts, answers, head: !endsForGood.includes(name) });
        const proxy = await startProxy(t, gate, plan);
        const url = `http://127.0.0.1:${proxy.port}/events`;
        const page = await open(`${gate.url}/libraries?${new URLSearchParams({ client: name, url })}`);
        const state = () => page.evaluate(() => ({ ...window.whole }));
        await untilWhole(t, { name: `${name} in ${browser}`, state, proxy, plan, sending });
        const asked = proxy.requests.filter((line) => line.startsWith('OPTIONS')).length;
        if (preflights === 0) assert.equal(asked, 0, 'no preflight');
        else assert.ok(asked >= 1, 'a preflight');
        t.diagnostic(`${asked} preflights, ${proxy.requests.length} requests`);
        await page.close();
      }),
    );
    await Promise.all(runs);
  });
}
