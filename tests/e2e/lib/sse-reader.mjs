// An SSE client on a bare socket that can be cut, frozen and told to reconnect: what a test needs to see and
// no library shows.
import net from 'node:net';
import { EventEmitter } from 'node:events';
import tls from 'node:tls';
import { atEnd } from './at-end.mjs';
import { reset } from './reset.mjs';
import { SseParser } from './sse-parser.mjs';
import { until } from './wait.mjs';

// Takes the HTTP/1.1 chunked coding off.
class Dechunker {
  #state = 'size';
  #line = '';
  #left = 0;
  isComplete = false;

  constructor(onBytes) {
    this.onBytes = onBytes;
  }

  push(bytes) {
    let at = 0;
    while (at < bytes.length) {
      if (this.isComplete) throw new Error('bytes after the last chunk');
      if (this.#state === 'data') {
        const take = Math.min(this.#left, bytes.length - at);
        this.onBytes(bytes.subarray(at, at + take));
        at += take;
        this.#left -= take;
        if (this.#left === 0) this.#state = 'end';
        continue;
      }
      const lf = bytes.indexOf(10, at);
      this.#line += bytes.toString('latin1', at, lf < 0 ? bytes.length : lf + 1);
      if (lf < 0) return;
      at = lf + 1;
      this.#takeLine(this.#line);
      this.#line = '';
    }
  }

  #takeLine(line) {
    if (this.#state === 'end') {
      if (line !== '\r\n') throw new Error(`a chunk does not end with CRLF but ${JSON.stringify(line)}`);
      this.#state = 'size';
    } else if (this.#state === 'last') {
      if (line === '\r\n') this.isComplete = true;
    } else {
      if (!/^[0-9a-fA-F]+\r\n$/.test(line)) throw new Error(`not a chunk size: ${JSON.stringify(line)}`);
      this.#left = parseInt(line, 16);
      this.#state = this.#left === 0 ? 'last' : 'data';
    }
  }
}

// One connection. Emits 'open' (with the response's head), 'event', 'close' (with why), 'failure'.
export class SseConnection extends EventEmitter {
  bytes = 0;
  isOpen = false;

  constructor({ port, host = '127.0.0.1', path = '/events', headers = {}, lastEventId = '', version = '1.1', tlsOptions, unix }) {
    super();
    this.parser = new SseParser((event) => this.emit('event', event), lastEventId);
    const address = unix ? { path: unix } : { port, host };
    this.socket = tlsOptions ? tls.connect({ ...address, ...tlsOptions }) : net.connect({ ...address, allowHalfOpen: true });
    this.socket.setNoDelay(true);
    const all = { Accept: 'text/event-stream', ...headers };
    if (version === '1.1') all.Host ??= `${host}:${port}`;
    if (lastEventId) all['Last-Event-ID'] = lastEventId;
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`GET ${path} HTTP/${version}\r\n${lines.join('')}\r\n`);
    this.#read();
  }

  #read() {
    let head = Buffer.alloc(0);
    let body = null;
    const dechunker = new Dechunker((bytes) => this.parser.push(bytes));
    this.socket.on('data', (bytes) => {
      this.bytes += bytes.length;
      try {
        if (!body) {
          head = Buffer.concat([head, bytes]);
          const end = head.indexOf('\r\n\r\n');
          if (end < 0) return;
          this.#takeHead(head.toString('latin1', 0, end));
          const isChunked = this.head.headers['transfer-encoding'] === 'chunked';
          body = isChunked ? (part) => dechunker.push(part) : (part) => this.parser.push(part);
          bytes = head.subarray(end + 4);
        }
        if (bytes.length > 0) body(bytes);
      } catch (error) {
        this.emit('failure', error);
        this.socket.destroy();
      }
    });
    this.socket.on('end', () => {
      this.#finish(dechunker.isComplete ? 'complete' : 'end');
      this.socket.end();
    });
    this.socket.on('error', (error) => this.#finish(error.code ?? 'error'));
    this.socket.on('close', () => this.#finish('closed'));
  }

  #takeHead(text) {
    const [first, ...lines] = text.split('\r\n');
    const headers = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    this.head = { version: first.slice(5, 8), status: Number(first.slice(9, 12)), headers, text };
    this.isOpen = true;
    this.emit('open', this.head);
  }

  #finish(why) {
    if (this.why) return;
    this.why = why;
    this.isOpen = false;
    this.emit('close', why);
  }

  cut(mode = 'rst') {
    if (mode === 'rst' && !this.socket.encrypted) reset(this.socket);
    else this.socket.destroy();
    this.#finish('cut');
  }
}

// A client that reconnects with its last id as a browser does, but faster.
export class SseClient {
  events = [];
  connects = 0;
  failure = null;
  isStopped = false;

  // `check` gets each event and throws when it is wrong; `keeps` says whether `events` holds them all.
  constructor(options, { check = () => {}, keeps = true, delay = () => Math.random() * 20 } = {}) {
    Object.assign(this, { options, check, keeps, delay, count: 0 });
    this.lastEventId = options.lastEventId ?? '';
  }

  start() {
    if (this.isStopped) return this;
    const connection = new SseConnection({ ...this.options, lastEventId: this.lastEventId });
    this.connection = connection;
    let hasEnded = false;
    const isStale = () => hasEnded || this.isStopped;
    connection.on('open', (head) => {
      this.connects++;
      if (head.status !== 200) this.#fail(new Error(`answered with ${head.status}`));
    });
    connection.on('event', (event) => {
      if (isStale()) return;
      this.count++;
      if (this.keeps) this.events.push(event);
      try {
        this.check(event);
      } catch (error) {
        this.#fail(error);
      }
      this.lastEventId = connection.parser.lastEventId;
    });
    connection.on('failure', (error) => this.#fail(error));
    connection.on('close', () => {
      hasEnded = true;
      if (!this.isStopped) this.timer = setTimeout(() => this.start(), this.delay());
    });
    return this;
  }

  #fail(error) {
    this.failure ??= error;
    this.stop();
  }

  // The connection is lost; the client comes back with its last id.
  cut(mode) {
    this.connection.cut(mode);
  }

  stop() {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.connection?.socket.destroy();
  }

  async until(what, condition, options) {
    await until(() => `${what}; ${this.count} events so far`, () => {
      if (this.failure) throw this.failure;
      return condition(this);
    }, options);
  }

  untilCount(count, options) {
    return this.until(`${count} events`, () => this.count >= count, options);
  }

  untilOpen(options) {
    return this.until('an open stream', () => this.connection?.isOpen, options);
  }
}

// Starts a client for a test, which ends it; a failure that the test did not see fails it then.
export function startClient(t, options, behaviour) {
  const client = new SseClient(options, behaviour);
  atEnd(t, () => {
    client.stop();
    if (client.failure) throw client.failure;
  });
  return client.start();
}
