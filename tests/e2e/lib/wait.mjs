// Waiting for conditions. Nothing here sleeps for a fixed time and hopes.

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Asks `condition` (may be async) until it gives something true, and returns that.
export async function until(what, condition, { timeout = 30000, every = 10 } = {}) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) {
      const text = typeof what === 'function' ? what() : what;
      throw new Error(`waited ${timeout} ms in vain: ${text}`);
    }
    await sleep(every);
  }
}

export function withTimeout(promise, timeout, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${timeout} ms`)), timeout);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// A queue of things that happen, for tests that wait for the next one.
export class Journal {
  items = [];
  #waiting = new Set();

  add(item) {
    this.items.push(item);
    for (const check of this.#waiting) check();
  }

  // The first item at or after `from` that matches.
  find(matches, { from = 0, timeout = 30000, what = 'an item' } = {}) {
    return new Promise((resolve, reject) => {
      let next = from;
      const check = () => {
        for (; next < this.items.length; next++) {
          if (matches(this.items[next])) {
            done();
            return resolve(this.items[next]);
          }
        }
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`waited ${timeout} ms in vain for ${what}; ${this.items.length} items so far`));
      }, timeout);
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(check);
      };
      this.#waiting.add(check);
      check();
    });
  }
}
