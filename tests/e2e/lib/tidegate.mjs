// Starts and stops the binary under test with a configuration, and reads its log.
import assert from 'node:assert';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { atEnd } from './at-end.mjs';
import { freePort } from './ports.mjs';
import { Journal, until, withTimeout } from './wait.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const binary = process.env.TIDEGATE_BIN || path.join(root, 'build/tidegate');
const hasSymbol = (name) => fs.readFileSync(binary).includes(name);
export const isAsan = hasSymbol('__asan_init');
export const isTsan = hasSymbol('__tsan_init');
export const isSanitized = isAsan || isTsan;

// A configuration of one stream `feed` at /events behind `upstreamUrl`, with parts replaced.
export async function configFor(upstreamUrl, { upstream, stream, routes, ...rest } = {}) {
  return {
    listen: [{ address: '127.0.0.1', port: await freePort() }],
    admin: { port: await freePort() },
    log: { format: 'json', level: 'info' },
    workers: 1,
    drain: '100ms',
    sse: { retry: '100ms' },
    streams: {
      feed: {
        // A connection need not last to count, so that each loss is told at once, and each that comes up.
        upstream: { kind: 'websocket', url: upstreamUrl, reconnect: { first: '10ms', max: '100ms', stable: '0' }, ...upstream },
        retain: { events: 1000000, bytes: '64MiB' },
        ...stream,
      },
    },
    routes: [{ path: '/events', stream: 'feed' }, ...(routes ?? [])],
    ...rest,
  };
}

export class Tidegate {
  constructor(config, env) {
    this.config = config;
    this.env = env;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tidegate-e2e-'));
    this.file = path.join(this.folder, 'tidegate.json');
    this.log = new Journal();
    this.stderr = '';
  }

  get port() {
    return this.config.listen[0].port;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid() {
    return this.child.pid;
  }

  async start() {
    fs.writeFileSync(this.file, JSON.stringify(this.config, null, 2));
    this.child = spawn(binary, ['run', '-c', this.file], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...this.env },
    });
    this.exited = new Promise((resolve) => {
      this.child.on('exit', (code, signal) => resolve({ code, signal }));
    });
    this.hasExited = false;
    this.exited.then(() => (this.hasExited = true));
    readline.createInterface({ input: this.child.stderr }).on('line', (line) => this.#takeLine(line));
    await until(
      () => `Tidegate answers; its log:\n${this.stderr}`,
      async () => {
        if (this.hasExited) throw new Error(`Tidegate ended at its start:\n${this.stderr}`);
        return (await this.admin('/healthz').catch(() => null))?.status === 200;
      },
    );
    return this;
  }

  #takeLine(line) {
    if (this.stderr.length < 1 << 20) this.stderr += `${line}\n`;
    try {
      this.log.add(JSON.parse(line));
    } catch {
      this.log.add({ text: line });
    }
  }

  async admin(route) {
    const response = await fetch(`http://127.0.0.1:${this.config.admin.port}${route}`);
    return { status: response.status, text: await response.text() };
  }

  // All samples of /metrics: 'name{labels}' -> number.
  async metrics() {
    const { text } = await this.admin('/metrics');
    const samples = {};
    for (const line of text.split('\n')) {
      const match = /^([a-zA-Z_:][^ ]*(?:\{.*\})?) (\S+)$/.exec(line);
      if (match) samples[match[1]] = Number(match[2]);
    }
    return samples;
  }

  // The sum of all samples of a metric whose labels match.
  async metric(name, labels = /.*/) {
    let sum = 0;
    let isThere = false;
    for (const [key, value] of Object.entries(await this.metrics())) {
      if ((key === name || key.startsWith(`${name}{`)) && labels.test(key)) {
        sum += value;
        isThere = true;
      }
    }
    assert.ok(isThere, `there is no metric ${name} ${labels}`);
    return sum;
  }

  isReady() {
    return this.admin('/readyz').then((answer) => answer.status === 200, () => false);
  }

  untilReady(timeout = 30000) {
    return until(() => `/readyz; the log:\n${this.stderr}`, () => this.isReady(), { timeout });
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  // Ends it as an operator would; anything but a clean end fails the test.
  async stop({ timeout = 30000 } = {}) {
    if (!this.child || this.wasStopped) return;
    this.wasStopped = true;
    if (!this.hasExited) this.child.kill('SIGTERM');
    try {
      const { code, signal } = await withTimeout(this.exited, timeout, 'the end of Tidegate after SIGTERM');
      await until('the end of its log', () => this.child.stderr.readableEnded || this.child.stderr.destroyed);
      assert.ok(
        !/(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Assertion)/.test(this.stderr),
        `a sanitizer complains:\n${this.stderr}`,
      );
      assert.deepEqual({ code, signal }, { code: 0, signal: null }, `it ended badly:\n${this.stderr.slice(-20000)}`);
    } finally {
      if (!this.hasExited) this.child.kill('SIGKILL');
      fs.rmSync(this.folder, { recursive: true, force: true });
    }
  }
}

// Starts Tidegate for a test, which ends it.
export async function startTidegate(t, config, env) {
  const gate = new Tidegate(config, env);
  atEnd(t, () => gate.stop());
  return gate.start();
}
