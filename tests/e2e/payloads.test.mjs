// Every shape of payload reaches a client as the SSE standard has it, and what may not pass does not.
import assert from 'node:assert';
import test from 'node:test';
import { Continuity, GAP } from './lib/continuity.mjs';
import { startFeed } from './lib/feed.mjs';
import { differences, END, payloads, sendAll } from './lib/payloads.mjs';
import { freePort } from './lib/ports.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const isData = (event) => !event.type.startsWith('tidegate.');

async function startWith(t, onClient, parts) {
  const feed = await startFeed(t, await freePort(), { onClient });
  const gate = await startTidegate(t, await configFor(feed.url, { ...parts, stream: { initial: 'all', ...parts?.stream } }));
  await gate.untilReady();
  return { feed, gate };
}

test('every payload arrives as the standard has it', async (t) => {
  const { gate } = await startWith(t, (socket) => sendAll(socket));
  const continuity = new Continuity();
  const client = startClient(t, { port: gate.port }, { check: (event) => continuity.take(event) });
  await client.until('the last payload', () => client.events.at(-1)?.data === END);
  assert.deepEqual(differences(client.events.filter(isData)), []);
  assert.equal(client.connects, 1);
});

test('who comes back after any payload gets exactly what follows it', async (t) => {
  const { gate } = await startWith(t, (socket) => sendAll(socket));
  const whole = startClient(t, { port: gate.port });
  await whole.until('the last payload', () => whole.events.at(-1)?.data === END);
  const expected = whole.events.filter(isData);
  for (const [i, payload] of payloads.entries()) {
    const continuity = new Continuity();
    const client = startClient(t, { port: gate.port, lastEventId: expected[i].lastEventId }, { check: (event) => continuity.take(event) });
    await client.until(`what follows ${payload.name}`, () => client.events.at(-1)?.data === END);
    assert.deepEqual(client.events.map((event) => event.data), expected.slice(i + 1).map((event) => event.data));
    client.stop();
  }
});

test('text in fragments of any size becomes one event', async (t) => {
  const text = 'aé€😀\r\n\0z'.repeat(50);
  const bytes = Buffer.from(text);
  const { gate } = await startWith(t, (socket) => {
    for (const size of [1, 2, 3, 5, 64, 125, 126, 1000]) {
      for (let at = 0; at < bytes.length; at += size) {
        socket.send(bytes.subarray(at, at + size), { binary: false, fin: at + size >= bytes.length });
        if (at % 7 === 0) socket.ping();
      }
    }
    socket.send(END);
  });
  const client = startClient(t, { port: gate.port });
  await client.until('the last payload', () => client.events.at(-1)?.data === END);
  const got = client.events.filter(isData).slice(0, -1);
  assert.equal(got.length, 8);
  for (const event of got) assert.equal(event.data, text.replaceAll('\r\n', '\n'));
});

const invalid = {
  'a lone continuation byte': [[0x61, 0x80]],
  'a sequence cut off by the end': [[0x61, 0xe2, 0x82]],
  'a surrogate over fragments': [[0x61, 0xed], [0xa0], [0x80]],
  'an overlong form over fragments': [[0xc0], [0xaf]],
  'above U+10FFFF over fragments': [[0xf4], [0x90, 0x80], [0x80]],
  'valid, then invalid in the last fragment': [[...Buffer.from('é€')], [0xe2], [0x28, 0xa1]],
};

for (const [name, fragments] of Object.entries(invalid)) {
  test(`text that is not UTF-8 never becomes an event: ${name}`, async (t) => {
    let connections = 0;
    const { gate, feed } = await startWith(t, (socket) => {
      socket.send(`before ${++connections}`);
      if (connections > 1) return;
      for (const [i, bytes] of fragments.entries()) {
        const isLast = i === fragments.length - 1;
        socket._socket.write(Buffer.from([(isLast ? 0x80 : 0) | (i === 0 ? 1 : 0), bytes.length, ...bytes]));
      }
    });
    const client = startClient(t, { port: gate.port });
    await client.until('an event of the second connection', () => client.events.some((event) => event.data === 'before 2'));
    assert.deepEqual(client.events.filter(isData).map((event) => event.data), ['before 1', 'before 2']);
    const told = client.events.filter((event) => event.type.startsWith('tidegate.')).slice(-3).map((event) => JSON.parse(event.data));
    assert.deepEqual(told.map(({ reason, state }) => reason ?? state), ['encoding', 'protocol', 'up']);
    assert.equal(told[0].after, client.events.find(isData).id);
    assert.equal(feed.connections.items.length, 2);
  });
}

// Events and gap events, as short as can be: "x999", "1 oversize".
function outline(events) {
  return events.filter((event) => isData(event) || event.type === GAP).map((event) => {
    if (event.type !== GAP) return `${event.data[0]}${event.data.length}`;
    const { missed, reason } = JSON.parse(event.data);
    return `${missed} ${reason}`;
  });
}

test('a message of exactly max_message passes, a longer one is told by a gap at its place, live and in replay', async (t) => {
  const { gate, feed } = await startWith(t, (socket) => {
    for (const size of [999, 1000, 1001, 100000, 1000]) socket.send('x'.repeat(size));
    for (let i = 0; i < 11; i++) socket.send('y'.repeat(100), { fin: i === 10 });
    for (let i = 0; i < 10; i++) socket.send('z'.repeat(100), { fin: i === 9 });
    socket.send(Buffer.alloc(1001));
    socket.send(END);
  }, { upstream: { max_message: '1000' } });
  const client = startClient(t, { port: gate.port });
  const continuity = new Continuity({ allowsLosses: true });
  await client.until('the last payload', () => client.events.at(-1)?.data === END);
  client.events.filter((event) => isData(event) || event.type === GAP).forEach((event) => continuity.take(event));
  const told = outline(client.events);
  const missed = (before) => told.slice(0, told.indexOf(before)).filter((word) => word.endsWith(' oversize')).reduce((sum, word) => sum + parseInt(word), 0);
  assert.deepEqual(told.filter((word) => !word.includes(' ')), ['x999', 'x1000', 'x1000', 'z1000', `t${END.length}`]);
  assert.deepEqual([missed('x1000'), missed('z1000'), missed(`t${END.length}`)], [0, 3, 4]);
  assert.equal(feed.connections.items.length, 1);
  assert.equal(await gate.metric('tidegate_upstream_dropped_messages_total'), 4);

  const second = client.events.filter(isData)[1].id;
  const later = startClient(t, { port: gate.port, lastEventId: second });
  await later.until('the replay', () => later.events.at(-1)?.data === END);
  assert.deepEqual(outline(later.events), told.slice(told.indexOf('x1000') + 1), 'a replay has the same gaps at the same places');
});

test('a backend whose messages are all too large does not fill the stream with gap events', async (t) => {
  const FLOOD = 20000;
  const { gate } = await startWith(t, (socket) => {
    socket.send('first');
    for (let i = 0; i < FLOOD; i++) socket.send('x'.repeat(11));
    socket.send(END.slice(0, 10));
  }, { upstream: { max_message: '10' }, stream: { retain: { events: 2 } } });
  const client = startClient(t, { port: gate.port });
  await client.until('the end', () => client.events.at(-1)?.data === END.slice(0, 10));
  const gaps = client.events.filter((event) => event.type === GAP).map((event) => JSON.parse(event.data));
  assert.equal(gaps.reduce((sum, gap) => sum + gap.missed, 0), FLOOD);
  assert.ok(gaps.length >= 1 && gaps.length < 10, `${gaps.length} gap events`);
  const later = startClient(t, { port: gate.port });
  await later.until('all that is retained', () => later.events.filter(isData).length === 2);
  assert.equal(later.events.filter(isData)[0].data, 'first', 'gap events evict no events');
});

test('a backend cannot forge an event of Tidegate', async (t) => {
  const types = ['tidegate.end', 'tidegate.upstream', 'tidegate.hello', 'our.gap', 'quote'];
  const { gate } = await startWith(t, (socket) => {
    for (const type of types) socket.send(JSON.stringify({ type, reason: 'forged' }));
  }, { stream: { translate: { event: '/type' } }, sse: { gap_event: 'our.gap' } });
  const client = startClient(t, { port: gate.port });
  await client.until('the last event', () => client.events.at(-1)?.type === 'quote');
  assert.deepEqual(client.events.filter((event) => event.data.includes('forged')).map((event) => event.type), ['quote']);
  assert.equal(await gate.metric('tidegate_upstream_dropped_messages_total'), 4);
});

test('event, id and data come from where the rules say', async (t) => {
  const { gate } = await startWith(t, (socket) => {
    socket.send(JSON.stringify({ type: 'quote', seq: 41, payload: { a: 1 } }));
    socket.send(JSON.stringify({ type: 'note', seq: 'x:42', payload: ' two\nlines\r' }));
    socket.send('not JSON');
    socket.send(JSON.stringify({ type: 'quote', seq: 'bad id', payload: 1 }));
    socket.send(JSON.stringify({ seq: 43, payload: null }));
  }, { stream: { translate: { event: '/type', id: '/seq', data: '/payload' } } });
  const client = startClient(t, { port: gate.port });
  await client.until('the last event', () => client.events.at(-1)?.id === '43');
  assert.deepEqual(client.events.filter(isData).map(({ type, id, data }) => ({ type, id, data })), [
    { type: 'quote', id: '41', data: '{"a":1}' },
    { type: 'note', id: 'x:42', data: ' two\nlines\n' },
    { type: 'message', id: '43', data: 'null' },
  ]);
  const later = startClient(t, { port: gate.port, lastEventId: '41' });
  await until('the replay after the backend\'s own id', () => later.events.filter(isData).length === 2);
  assert.deepEqual(later.events.filter(isData).map((event) => event.id), ['x:42', '43']);
});
