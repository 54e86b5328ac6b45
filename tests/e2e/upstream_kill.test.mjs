// The backend is killed (SIGKILL) 50 times: clients stay connected, and everyone, whether there or replaying
// later, sees each outage at its place.
import assert from 'node:assert';
import test from 'node:test';
import { Continuity, UPSTREAM } from './lib/continuity.mjs';
import { startFeedProcess } from './lib/feed-process.mjs';
import { freePort } from './lib/ports.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, isTsan, startTidegate } from './lib/tidegate.mjs';

const KILLS = isTsan ? 15 : 50;

// Turns events into runs: ["up", {run, events}, "down", "up", …]; throws where a message is missing.
function story(events) {
  const told = [];
  for (const event of events) {
    if (event.type === UPSTREAM) {
      told.push(JSON.parse(event.data).state);
      continue;
    }
    const { run, n } = JSON.parse(event.data);
    const last = told.at(-1);
    if (n > 1) {
      assert.ok(typeof last === 'object' && last.run === run, `run ${run} goes on at ${n} after ${JSON.stringify(last)}`);
      assert.equal(n, last.events + 1, `run ${run}: a message is missing or double`);
      last.events = n;
    } else told.push({ run, events: 1 });
  }
  return told;
}

test('50 kills of the upstream are told at their place, and nothing else changes', async (t) => {
  const port = await freePort();
  let feed = await startFeedProcess(t, { port, run: 0, rate: 1000 });
  const gate = await startTidegate(t, await configFor(`ws://127.0.0.1:${port}/`, { stream: { initial: 'all' } }));
  const clients = [];
  for (let i = 0; i < 5; i++) {
    const continuity = new Continuity();
    clients.push(startClient(t, { port: gate.port }, { check: (event) => continuity.take(event) }));
  }
  const runHasBegun = (run) => (client) => client.events.slice(-30).some((event) => event.id && JSON.parse(event.data).run === run);
  for (let kill = 0; kill < KILLS; kill++) {
    await clients[0].until(`events of run ${kill}`, runHasBegun(kill));
    const count = clients[0].count;
    await clients[0].untilCount(count + 5 + Math.floor(Math.random() * 60));
    await feed.kill();
    feed = await startFeedProcess(t, { port, run: kill + 1, rate: 1000 });
  }
  for (const client of clients) await client.until('events of the last run', runHasBegun(KILLS));
  await feed.kill();
  const isOver = (client) => client.events.at(-1)?.type === UPSTREAM;
  for (const client of clients) await client.until('the last outage', isOver);

  const first = story(clients[0].events);
  const from = first.findIndex((part) => typeof part === 'object');
  const body = first.slice(from);
  assert.equal(body.length, 3 * KILLS + 2, 'a run, down, up for each kill, and a last run and down');
  for (let run = 0; run <= KILLS; run++) {
    assert.equal(body[3 * run].run, run);
    assert.equal(body[3 * run + 1], 'down');
    if (run < KILLS) assert.equal(body[3 * run + 2], 'up');
  }
  for (const client of clients) {
    assert.equal(client.connects, 1, 'a client was disconnected');
    assert.deepEqual(story(client.events).filter((part) => part !== 'connecting').slice(-body.length), body);
  }

  const late = startClient(t, { port: gate.port });
  await late.untilCount(body.length);
  await late.until('all of it', () => late.events.at(-1)?.type === UPSTREAM && story(late.events).length >= body.length);
  assert.deepEqual(story(late.events).slice(-body.length), body, 'who replays learns of every outage at its place');
  t.diagnostic(`${KILLS} kills, ${clients[0].count} events`);
});

test('a client that reconnects in an outage learns that the upstream is down', async (t) => {
  const port = await freePort();
  const feed = await startFeedProcess(t, { port, run: 0, rate: 100 });
  const gate = await startTidegate(t, await configFor(`ws://127.0.0.1:${port}/`, {}));
  const client = startClient(t, { port: gate.port });
  await client.until('an event', () => client.events.some((event) => event.id));
  await feed.kill();
  const saysDown = (event) => event.type === UPSTREAM && JSON.parse(event.data).state === 'down';
  await client.until('down', () => client.events.some(saysDown));
  const late = startClient(t, { port: gate.port });
  await late.until('word that the upstream is not up', () => late.events.some((event) => event.type === UPSTREAM));
  assert.notEqual(JSON.parse(late.events[0].data).state, 'up');
  const back = await startFeedProcess(t, { port, run: 1, rate: 100 });
  await late.until('an event', () => late.events.some((event) => event.id));
  assert.equal(JSON.parse(late.events.find((event) => event.id).data).run, 1);
  await back.kill();
});
