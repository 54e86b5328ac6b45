// A TCP proxy that cuts (FIN or RST, at once or after so many bytes), freezes and delays what passes.
import net from 'node:net';
import { atEnd } from './at-end.mjs';
import { reset } from './reset.mjs';

// How many of these bytes still pass; Infinity: the cut is not among them.
function endOfCut(pair, bytes) {
  const left = Math.max(0, pair.cut.afterBytes - pair.passed);
  const { place } = pair.cut;
  if (!place) return left;
  const at = left < bytes.length ? bytes.indexOf(place.text, left) : -1;
  return at < 0 ? Infinity : Math.min(at + place.offset, bytes.length);
}

export class CuttingProxy {
  pairs = new Set();
  accepted = 0;
  cuts = 0;
  requests = []; // the first line of each
  delayMs = 0;
  refuses = false;

  // `plan(pair)` is asked for each new connection: { afterBytes, mode } cuts it when so many bytes have gone
  // to the client, at that very byte; with place: { text, offset } so many bytes into the text's next occurrence
  // after them. { answer } says that instead of connecting, and null lets it live.
  constructor(target, { plan = () => null } = {}) {
    this.target = target;
    this.plan = plan;
    this.server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => this.#accept(client));
  }

  async start(port) {
    await new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, '127.0.0.1', resolve);
    });
    this.port = port;
    return this;
  }

  #accept(client) {
    this.accepted++;
    if (this.refuses) {
      reset(client);
      return;
    }
    const cut = this.plan(this);
    if (cut?.answer) {
      client.on('error', () => {});
      client.once('data', () => client.end(cut.answer));
      client.resume();
      return;
    }
    const upstream = net.connect({ ...this.target, allowHalfOpen: true });
    const pair = { client, upstream, isFrozen: false, passed: 0, cut };
    client.on('data', (bytes) => {
      const line = /^[A-Z]+ \S+ HTTP/.exec(bytes.toString('latin1', 0, 1000));
      if (line) this.requests.push(line[0]);
    });
    this.pairs.add(pair);
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      from.setNoDelay(true);
      from.on('data', (bytes) => this.#pass(pair, from, to, bytes));
      from.on('end', () => this.#later(() => to.end()));
      from.on('error', () => this.#end(pair));
      from.on('close', () => this.#end(pair));
      to.on('drain', () => pair.isFrozen || from.resume());
    }
    client.resume();
  }

  #later(act) {
    if (this.delayMs > 0) setTimeout(act, this.delayMs);
    else act();
  }

  #pass(pair, from, to, bytes) {
    let isLast = false;
    if (to === pair.client && pair.cut) {
      const end = endOfCut(pair, bytes);
      if (bytes.length >= end) {
        bytes = bytes.subarray(0, end);
        isLast = true;
      }
    }
    if (to === pair.client) pair.passed += bytes.length;
    this.#later(() => {
      if (to.destroyed) return;
      if (!to.write(bytes)) from.pause();
      if (isLast) this.cut(pair, pair.cut.mode);
    });
    if (isLast) pair.upstream.pause();
  }

  #end(pair) {
    if (!this.pairs.delete(pair)) return;
    pair.client.destroy();
    pair.upstream.destroy();
  }

  cut(pair, mode = 'rst') {
    if (!this.pairs.delete(pair)) return;
    this.cuts++;
    for (const socket of [pair.client, pair.upstream]) {
      if (mode === 'rst') reset(socket);
      else socket.destroySoon();
    }
  }

  cutAll(mode) {
    for (const pair of [...this.pairs]) this.cut(pair, mode);
  }

  // Nothing passes to the clients and nothing is read any more: the sender's buffers fill.
  freeze() {
    for (const pair of this.pairs) {
      pair.isFrozen = true;
      pair.upstream.pause();
    }
  }

  thaw() {
    for (const pair of this.pairs) {
      pair.isFrozen = false;
      pair.upstream.resume();
    }
  }

  async stop() {
    this.cutAll('rst');
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export async function startCuttingProxy(t, target, port, options) {
  const proxy = new CuttingProxy(target, options);
  await proxy.start(port);
  atEnd(t, () => proxy.stop());
  return proxy;
}
