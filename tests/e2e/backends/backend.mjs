// Starts a backend of this folder on a file of events, kills it, starts it again, and makes new events.
import assert from 'node:assert';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { atEnd } from '../lib/at-end.mjs';
import { freePort } from '../lib/ports.mjs';
import { until } from '../lib/wait.mjs';

const folder = path.dirname(fileURLToPath(import.meta.url));
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'tidegate-backends-'));
process.on('exit', () => fs.rmSync(work, { recursive: true, force: true }));

// Debian has Go's packages as sources in one GOPATH; nothing is downloaded.
const goEnv = {
  GO111MODULE: 'off',
  GOPATH: '/usr/share/gocode',
  GOCACHE: path.join(work, 'go-cache'),
  GOENV: 'off',
  GOFLAGS: '',
  GOTOOLCHAIN: 'local',
};

// Those have all they need in one file.
const isTutorial = (file) => file.startsWith('tutorials/');

async function buildGo(file) {
  const program = path.join(work, file.replaceAll('/', '-').slice(0, -'.go'.length));
  const sources = (isTutorial(file) ? [file] : [file, 'store.go']).map((name) => path.join(folder, name));
  await promisify(execFile)('go', ['build', '-o', program, ...sources], { env: { ...process.env, ...goEnv } });
  return [program];
}

const runNode = (file) => [process.execPath, path.join(folder, file)];
const commands = {
  '.mjs': runNode,
  '.cjs': runNode,
  // Debian's, which has Debian's modules.
  '.py': (file) => ['/usr/bin/python3', '-B', path.join(folder, file)],
  '.go': buildGo,
};

function isListening(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

const TYPES = ['quote', 'news', undefined];
const SHAPES = [(n) => `${n}`, (n) => `{"price": ${n}.50}`, (n) => `line 1 of ${n}\n\nline 3`, (n) => `Grüße ${n} 🌊`];
const makeEvent = (n) => JSON.stringify({ type: TYPES[n % TYPES.length], data: SHAPES[n % SHAPES.length](n) });

class Backend {
  log = '';
  made = 0;

  constructor(command, port, file) {
    Object.assign(this, { command, port, file });
    fs.writeFileSync(file, '');
  }

  async start() {
    const [program, ...args] = this.command;
    const child = spawn(program, [...args, this.port, this.file], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const output of [child.stdout, child.stderr]) output.on('data', (text) => (this.log += text));
    this.isUp = true;
    this.exited = new Promise((resolve) => child.once('exit', resolve)).then(() => (this.isUp = false));
    this.child = child;
    await until(() => `the backend listens; its log:\n${this.log}`, () => {
      assert.ok(this.isUp, `the backend ended at its start:\n${this.log}`);
      return isListening(this.port);
    });
    return this;
  }

  async kill() {
    this.isUp = false;
    this.child.kill('SIGKILL');
    await this.exited;
  }

  // Tells the backend of new events, one after the other, until it is killed.
  async append(count) {
    const headers = { 'Content-Type': 'application/json' };
    for (let i = 0; i < count && this.isUp; i++) {
      try {
        const answer = await fetch(`http://127.0.0.1:${this.port}/events`, { method: 'POST', headers, body: makeEvent(++this.made) });
        assert.equal(answer.status, 204, this.log);
      } catch (error) {
        if (this.isUp) throw error;
      }
    }
  }

  // New events while it is down.
  appendAside(count) {
    for (let i = 0; i < count; i++) fs.appendFileSync(this.file, `${makeEvent(++this.made)}\n`);
  }

  // All events there are, as a browser should see them.
  events() {
    const lines = fs.readFileSync(this.file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line, at) => ({ type: 'message', ...JSON.parse(line), id: `${at + 1}` }));
  }
}

export async function startBackend(t, file) {
  const command = await commands[path.extname(file)](file);
  const port = await freePort();
  const backend = new Backend(command, port, path.join(work, `events-${port}`));
  atEnd(t, () => backend.kill());
  return backend.start();
}
