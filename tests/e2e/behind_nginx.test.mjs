// Behind nginx with its default proxy settings events arrive at once, nothing is buffered, nothing is lost.
import assert from 'node:assert';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { atEnd } from './lib/at-end.mjs';
import { Continuity } from './lib/continuity.mjs';
import { startFeed } from './lib/feed.mjs';
import { freePort } from './lib/ports.mjs';
import { startClient } from './lib/sse-reader.mjs';
import { configFor, startTidegate } from './lib/tidegate.mjs';
import { until } from './lib/wait.mjs';

const hasNginx = spawnSync('nginx', ['-v']).status === 0;

async function startNginx(t, target, settings = '') {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tidegate-nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
  const user = process.getuid() === 0 ? 'user root;' : '';
  fs.writeFileSync(path.join(folder, 'nginx.conf'), `
    daemon off; ${user} pid ${folder}/pid; error_log stderr; worker_processes 1; events { worker_connections 256; }
    http { access_log off; ${temporary}
      server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${target}; ${settings} } } }`);
  const child = spawn('nginx', ['-p', folder, '-c', path.join(folder, 'nginx.conf'), '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (bytes) => (log += bytes));
  const exited = new Promise((resolve) => child.on('exit', resolve));
  atEnd(t, async () => {
    child.kill('SIGTERM');
    await exited;
    fs.rmSync(folder, { recursive: true, force: true });
  });
  await until(() => `nginx listens; it says: ${log}`, () => fetch(`http://127.0.0.1:${port}/none`).then(() => true, () => false));
  return port;
}

for (const [name, settings] of [
  ['default settings', ''],
  ['HTTP/1.1 to the upstream', 'proxy_http_version 1.1; proxy_set_header Connection "";'],
  ['HTTP/1.0 to the upstream', 'proxy_http_version 1.0;'],
]) {
  test(`${name}: single events pass at once`, { skip: !hasNginx && 'no nginx here' }, async (t) => {
    const feed = await startFeed(t, await freePort());
    const gate = await startTidegate(t, await configFor(feed.url, {}));
    await gate.untilReady();
    const port = await startNginx(t, gate.port, settings);
    const continuity = new Continuity();
    const client = startClient(t, { port }, { check: (event) => continuity.take(event) });
    await client.untilOpen();
    let longest = 0;
    for (let n = 1; n <= 50; n++) {
      const sent = performance.now();
      feed.send(`${n}`);
      await client.until(`event ${n}`, () => continuity.events === n, { every: 1, timeout: 5000 });
      longest = Math.max(longest, performance.now() - sent);
    }
    assert.ok(longest < 1000, `an event took ${longest.toFixed(0)} ms`);
    client.cut();
    feed.send('51');
    await client.until('what came meanwhile', () => continuity.events === 51);
    assert.equal(client.connection.head.headers['x-accel-buffering'], undefined);
    t.diagnostic(`the slowest of 50 events took ${longest.toFixed(1)} ms`);
  });
}
