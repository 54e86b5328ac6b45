// A feed of 1,000 events a second, and a way to it that is cut again and again at chosen and at random bytes.
import assert from 'node:assert';
import { atEnd } from './at-end.mjs';
import { startCuttingProxy } from './cutting-proxy.mjs';
import { startFeed } from './feed.mjs';
import { freePort } from './ports.mjs';
import { configFor, startTidegate } from './tidegate.mjs';
import { until } from './wait.mjs';
import { payload } from './whole.mjs';

const IN_ID = { text: '\nid: ', offset: 9 };
const IN_EVENT = { text: '\ndata: ', offset: 3 };
const BEFORE_BLANK_LINE = { text: '\n\n\r\n', offset: 1 };
const AFTER_BLANK_LINE = { text: '\n\n\r\n', offset: 2 };
const IN_CHUNK_SIZE = { text: '\n\n\r\n', offset: 5 };
const ANYWHERE = undefined;
const PLACES = [ANYWHERE, IN_ID, BEFORE_BLANK_LINE, IN_EVENT, ANYWHERE, AFTER_BLANK_LINE, IN_CHUNK_SIZE];

// mulberry32: the same cuts again for the same seed.
function generator(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) % below;
  };
}

const BAD_GATEWAY = 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

// Cuts the first `cuts` connections, alternately by FIN and by RST; then none. With `head`, one of ten is cut within the
// response's head; with `answers`, one of five gets an error instead.
export function randomCuts({ cuts, head = false, answers = false, seed = Date.now() % 1e6 }) {
  const random = generator(seed);
  let planned = 0;
  let asked = 0;
  const plan = () => {
    asked++;
    if (planned === cuts) return null;
    const n = planned++;
    const mode = n % 2 ? 'fin' : 'rst';
    if (answers && n % 5 === 3) return { answer: BAD_GATEWAY };
    if (head && n % 10 === 9) return { afterBytes: 1 + random(400), mode };
    // Past the head and what precedes the first event.
    return { afterBytes: 1000 + random(150000), mode, place: PLACES[n % PLACES.length] };
  };
  return Object.assign(plan, { cuts, seed, isDone: () => planned === cuts && asked > cuts });
}

export async function startStream(t, { cors, ...rest } = {}, perSecond = 1000) {
  const feed = await startFeed(t, await freePort());
  const config = await configFor(feed.url, { stream: { initial: 'all' }, ...rest });
  config.routes[0].cors = cors;
  const gate = await startTidegate(t, config);
  await gate.untilReady();
  const sending = feed.sendAtRate(perSecond, payload);
  atEnd(t, () => sending.stop());
  return { gate, sending };
}

export async function startProxy(t, gate, plan) {
  return startCuttingProxy(t, { port: gate.port, host: '127.0.0.1' }, await freePort(), { plan });
}

// `state()` gives the client's Whole. Returns how many events it got when all cuts were made, and something after.
export async function untilWhole(t, { name, state, proxy, plan, sending, timeout = 60000 }) {
  let whole;
  const check = async () => {
    whole = await state();
    assert.equal(whole.problem, '', `${name}, seed ${plan.seed}, after ${proxy.cuts} cuts`);
    return whole;
  };
  const about = `${name}, seed ${plan.seed}`;
  const text = () => `${about}: ${proxy.cuts} of ${plan.cuts} cuts, ${whole.count} of ${sending.sent} events`;
  await until(text, async () => (await check()) && plan.isDone(), { every: 50, timeout });
  const { sent } = sending;
  await until(text, async () => (await check()).count >= sent, { every: 50, timeout });
  const forgiven = whole.forgiven ? `, ${whole.forgiven} lost by its own flaw` : '';
  t.diagnostic(`${name}: ${whole.count} events, ${proxy.cuts} cuts, ${whole.errors} errors seen${forgiven}, seed ${plan.seed}`);
  return whole;
}
