// A legacy backend by npm `ws`: what it sends, and how fast, is up to the test.
import https from 'node:https';
import { WebSocketServer } from 'ws';
import { atEnd } from './at-end.mjs';
import { Journal } from './wait.mjs';

export class Feed {
  connections = new Journal();
  messages = new Journal();
  sent = 0;

  // `onClient(socket, feed, request)` is called for each new connection.
  constructor({ onClient = () => {}, tlsOptions, ...options } = {}) {
    this.onClient = onClient;
    this.tlsOptions = tlsOptions;
    this.options = options;
  }

  async start(port) {
    this.port = port;
    if (this.tlsOptions) this.https = https.createServer(this.tlsOptions);
    const place = this.https ? { server: this.https } : { port, host: '127.0.0.1' };
    this.server = new WebSocketServer({ perMessageDeflate: false, ...place, ...this.options });
    this.server.on('connection', (socket, request) => this.#accept(socket, request));
    await new Promise((resolve, reject) => {
      this.server.once('listening', resolve);
      this.server.once('error', reject);
      this.https?.listen(port, '127.0.0.1');
    });
    return this;
  }

  get url() {
    return `${this.https ? 'wss' : 'ws'}://127.0.0.1:${this.port}/feed`;
  }

  get clients() {
    return [...this.server.clients];
  }

  #accept(socket, request) {
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => this.messages.add({ data: isBinary ? data : data.toString(), isBinary, socket }));
    this.connections.add({ socket, request });
    this.onClient(socket, this, request);
  }

  send(data, options = { binary: false }) {
    this.sent++;
    for (const socket of this.server.clients) socket.send(data, options);
  }

  // Sends make(n), n = 1, 2, …, at a steady rate to everyone connected until the test stops it. Where clients must
  // keep up on a machine that is busy, `received` says how many messages they have; at most `ahead` more are sent.
  sendAtRate(perSecond, make, { received = () => Infinity, ahead = 0 } = {}) {
    const start = performance.now();
    let n = 0;
    const timer = setInterval(() => {
      const due = ((performance.now() - start) / 1000) * perSecond;
      const most = Math.min(due, received() + ahead);
      while (n < most) this.send(make(++n));
    }, 5);
    return {
      get sent() {
        return n;
      },
      stop() {
        clearInterval(timer);
        return n;
      },
    };
  }

  async stop() {
    for (const socket of this.server.clients) socket.terminate();
    await new Promise((resolve) => this.server.close(resolve));
    if (this.https) await new Promise((resolve) => this.https.close(resolve));
  }
}

export async function startFeed(t, port, options) {
  const feed = await new Feed(options).start(port);
  atEnd(t, () => feed.stop());
  return feed;
}
