// The demo's page in real browsers: events arrive, trouble on either side is told, and nothing is lost or twice.
import assert from 'node:assert';
import { spawn } from 'node:child_process';
import test from 'node:test';
import { browsers } from './lib/browsers.mjs';
import { freePort } from './lib/ports.mjs';
import { binary } from './lib/tidegate.mjs';
import { until, withTimeout } from './lib/wait.mjs';

async function startDemo(t, port) {
  const ports = ['--port', port, '--legacy-port', await freePort(), '--admin-port', await freePort()];
  const child = spawn(binary, ['demo', ...ports.map(String)], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (bytes) => { log += bytes; });
  const exited = new Promise((resolve) => { child.on('exit', (code, signal) => resolve({ code, signal })); });
  const stop = async () => {
    child.kill('SIGTERM');
    try {
      assert.deepEqual(await withTimeout(exited, 20000, 'the end of the demo'), { code: 0, signal: null }, log);
      assert.ok(!/Sanitizer|runtime error:/.test(log), log);
    } finally {
      child.kill('SIGKILL');
    }
  };
  t.after(stop);
  const url = `http://127.0.0.1:${port}/`;
  await until(() => `the demo answers; its log:\n${log}`,
    () => fetch(`${url}demo/status`).then((answer) => answer.ok, () => false));
  return { url, child, stop };
}

// What the page shows.
const look = (page) => page.evaluate(() => {
  const number = (id) => Number(document.getElementById(id).textContent.replaceAll(',', ''));
  const figures = {};
  for (const id of ['received', 'replayed', 'missed', 'silent', 'duplicates', 'unsaid']) figures[id] = number(id);
  figures.verdict = document.getElementById('verdict').dataset.kind;
  figures.word = document.getElementById('verdict-word').textContent;
  figures.upstream = document.getElementById('upstream-state').textContent;
  figures.kinds = [...document.querySelectorAll('#strip li')].map((row) => row.dataset.kind);
  return figures;
});
const press = (page, id) => page.evaluate((name) => document.getElementById(name).click(), id);

for (const [name, launch] of Object.entries(browsers)) {
  test(`${name}: the demo's page`, { skip: !launch && `no ${name} here` }, async (t) => {
    const port = await freePort();
    const { url, child, stop } = await startDemo(t, port);
    const page = await (await launch(t))(url);
    const shows = (what, matches) => until(what, async () => {
      const now = await look(page);
      return matches(now) && now;
    }, { every: 50, timeout: 60000 });
    const nothingWrong = async () => {
      const { silent, duplicates } = await look(page);
      assert.deepEqual({ silent, duplicates }, { silent: 0, duplicates: 0 });
    };

    const noticesIn = async (ms, what, cause) => {
      const start = performance.now();
      cause();
      await shows(what, (now) => now.verdict === 'gone');
      const took = performance.now() - start;
      assert.ok(took < ms, `noticed after ${Math.round(took)} ms`);
      assert.equal((await look(page)).word, 'Tidegate is not reachable.');
    };

    await t.test('events arrive', async () => {
      await shows('20 events', (now) => now.received >= 20 && now.verdict === 'well');
      assert.equal((await look(page)).word, 'Nothing is missing.');
      await until('all harbours', () => page.evaluate(() => document.querySelectorAll('#board tr').length === 8));
    });

    await t.test('a dropped upstream is told, and the numbers go on', async () => {
      await press(page, 'drop');
      const told = await shows('down and up', (now) => now.kinds.includes('down') && now.kinds.includes('up'));
      await shows('more events', (now) => now.received > told.received + 10);
      await nothingWrong();
    });

    await t.test('what was missed during a cut is replayed', async () => {
      await press(page, 'reset');
      await press(page, 'cut');
      await shows('that it is away', (now) => now.verdict === 'away');
      await shows('a replay', (now) => now.replayed > 10 && now.verdict === 'well');
      await nothingWrong();
    });

    await t.test('what the backend never sent is told apart from what is lost', async () => {
      await page.evaluate(() => fetch('/demo/refuse?seconds=1', { method: 'POST' }));
      await shows('that the backend is down', (now) => now.verdict === 'down');
      const now = await shows('quotes never sent', (figures) => figures.verdict === 'unsaid');
      assert.match(now.word, /^[0-9]+ quotes? never sent by the backend\. Nothing lost\.$/);
      assert.equal(now.word, `${now.unsaid} quote${now.unsaid === 1 ? '' : 's'} never sent by the backend. Nothing lost.`);
      assert.equal(now.missed, 0);
      await nothingWrong();
    });

    await t.test('a burst arrives whole', async () => {
      const before = await look(page);
      await press(page, 'burst');
      await shows('1,000 events', (now) => now.received >= before.received + 1000);
      await nothingWrong();
    });

    await t.test('rows that stand for many are between those before and after them', async () => {
      const times = await page.evaluate(() =>
        shorten(Array.from({ length: 60 }, (_, i) => ({ kind: 'event', id: `${i}`, at: i }))).map((row) => row.at));
      assert.ok(times.length < 60);
      assert.deepEqual(times, [...times].sort((a, b) => a - b));
    });

    await t.test('who stays away too long is told exactly what is missing', async () => {
      await press(page, 'away');
      await press(page, 'burst');
      const now = await shows('a gap', (figures) => figures.missed > 0 && figures.replayed > 150);
      assert.equal(now.verdict, 'gap');
      assert.ok(now.kinds.includes('gap'), 'the gap event is in view');
      assert.match(now.word, /^[0-9,]+ events missed, all announced\./);
      await nothingWrong();
    });

    await t.test('a Tidegate that hangs is noticed within 2 s, and so is that it goes on', async () => {
      await noticesIn(2000, 'that it hangs', () => child.kill('SIGSTOP'));
      child.kill('SIGCONT');
      const back = await shows('that it goes on', (now) => now.verdict !== 'gone');
      await shows('more events', (now) => now.received > back.received + 10);
      await nothingWrong();
    });

    await t.test('a Tidegate that has ended is noticed within 2 s, and so is a new one', async () => {
      await stop();
      await noticesIn(2000, 'that it has ended', () => {});
      const before = await look(page);
      await startDemo(t, port);
      await shows('live events of the new one', (now) => now.verdict !== 'gone' && now.received > before.received + 10 && now.kinds[0] === 'event');
      await nothingWrong();
    });
  });
}
