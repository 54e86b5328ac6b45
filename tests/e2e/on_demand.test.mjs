// connect: on_demand: the first subscriber brings the upstream up, the last one's end lets it go after `linger`.
import assert from 'node:assert';
import test from 'node:test';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { sleep, until } from './lib/wait.mjs';

async function start(t, { linger, workers = 1 }) {
  let n = 0;
  const feed = await startFeed(t, await freePort(), { onClient: (socket) => socket.send(`hello ${++n}`) });
  const gate = await startTidegate(t, await configFor(feed.url, { workers, upstream: { connect: 'on_demand', linger } }));
  return { feed, gate, connections: () => feed.connections.items.length, open: () => feed.clients.length };
}

for (const workers of [1, 3]) {
  test(`the upstream comes and goes with its subscribers (${workers} workers)`, async (t) => {
    const { feed, gate, connections, open } = await start(t, { linger: '0', workers });
    assert.ok(await gate.isReady(), 'an idle upstream that nobody wants does not hold readiness back');
    assert.equal(connections(), 0);
    for (let round = 1; round <= 10; round++) {
      const clients = [1, 2, 3].map(() => startClient(t, { port: gate.port }));
      for (const client of clients) await client.untilOpen();
      await until('the connection', () => open() === 1);
      feed.send(`round ${round}`);
      for (const client of clients) await client.until('the event', () => client.events.some((event) => event.data === `round ${round}`));
      assert.equal(connections(), round);
      for (const client of clients) client.stop();
      await until('the end of the connection', () => open() === 0);
    }
  });
}

test('who comes after it was let go learns that the upstream is up again', async (t) => {
  const { gate, open } = await start(t, { linger: '0' });
  for (let round = 0; round < 3; round++) {
    const client = startClient(t, { port: gate.port });
    await client.until('the upstream', () => client.events.some((event) => event.type === 'tidegate.upstream' && JSON.parse(event.data).state === 'up'));
    client.stop();
    await until('the end of the connection', () => open() === 0);
  }
});

test('linger keeps the connection for a client that comes back', async (t) => {
  const { gate, connections, open } = await start(t, { linger: '1s' });
  const first = startClient(t, { port: gate.port });
  await first.until('the hello', () => first.events.some((event) => event.data === 'hello 1'));
  const { lastEventId } = first;
  first.stop();
  await until('nobody listens', async () => (await gate.metric('tidegate_subscribers', /public/)) === 0);
  const second = startClient(t, { port: gate.port, lastEventId });
  await second.untilOpen();
  // Longer than linger: nothing may happen now.
  await sleep(1500);
  assert.equal(open(), 1);
  assert.equal(connections(), 1);
  const stopped = Date.now();
  second.stop();
  await until('the end of the connection', () => open() === 0);
  assert.ok(Date.now() - stopped > 800, 'it went before linger was over');
});

test('clients that come and go at once leave nothing connected', async (t) => {
  const { gate, open } = await start(t, { linger: '0', workers: 2 });
  for (let round = 0; round < 100; round++) {
    const client = startClient(t, { port: gate.port });
    if (round % 3) await client.untilOpen();
    client.stop();
  }
  await until('nobody listens', async () => (await gate.metric('tidegate_subscribers', /public/)) === 0);
  await until('the end of the connection', () => open() === 0);
});
