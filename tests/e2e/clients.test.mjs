// The clients people use get every payload right; libraries.test.mjs cuts their connections.
import assert from 'node:assert';
import { spawn } from 'node:child_process';
import test from 'node:test';
import { atEnd } from './lib/at-end.mjs';
import { clients } from './lib/clients.mjs';
import { startFeed } from './lib/feed.mjs';
import { differences, END, payloads, sendAll } from './lib/payloads.mjs';
import { freePort } from './lib/ports.mjs';
import { SseParser } from './lib/sse-parser.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const all = {
  ...clients,
  curl: (url, take) => {
    const parser = new SseParser(take);
    const child = spawn('curl', ['--silent', '--no-buffer', '--header', 'Accept: text/event-stream', url]);
    child.stdout.on('data', (bytes) => parser.push(bytes));
    return () => child.kill();
  },
};

for (const [name, open] of Object.entries(all)) {
  test(`${name}: every payload`, { skip: !open && 'not in this version' }, async (t) => {
    // undici gives up on events of more than 131072 lines.
    const list = name.startsWith('undici') ? payloads.filter(({ data }) => data.split('\n').length < 100000) : payloads;
    const feed = await startFeed(t, await freePort(), { onClient: (socket) => sendAll(socket, list) });
    const gate = await startTidegate(t, await configFor(feed.url, { stream: { initial: 'all' } }));
    await gate.untilReady();
    const events = [];
    atEnd(t, open(`${gate.url}/events`, (event) => event.type.startsWith('tidegate.') || events.push(event)));
    await until(() => `the last payload; ${events.length} so far`, () => events.at(-1)?.data === END);
    assert.deepEqual(differences(events, { list }), []);
  });
}

test('curl over HTTP/1.0 gets the same', async (t) => {
  const feed = await startFeed(t, await freePort(), { onClient: (socket) => sendAll(socket) });
  const gate = await startTidegate(t, await configFor(feed.url, { stream: { initial: 'all' } }));
  await gate.untilReady();
  const events = [];
  const parser = new SseParser((event) => event.type.startsWith('tidegate.') || events.push(event));
  const child = spawn('curl', ['--silent', '--no-buffer', '--http1.0', '--include', `${gate.url}/events`]);
  atEnd(t, () => child.kill());
  let head = '';
  child.stdout.on('data', (bytes) => {
    if (head.includes('\r\n\r\n')) return parser.push(bytes);
    head += bytes.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end >= 0) parser.push(Buffer.from(head.slice(end + 4), 'latin1'));
    return undefined;
  });
  await until('the last payload', () => events.at(-1)?.data === END);
  assert.deepEqual(differences(events), []);
  assert.doesNotMatch(head.slice(0, head.indexOf('\r\n\r\n')), /transfer-encoding/i);
});
