// Checks that a client's events are exactly the stream: nothing lost, nothing twice, in order; and that every
// gap that is told is told exactly.
import assert from 'node:assert';

export const GAP = 'tidegate.gap';
export const UPSTREAM = 'tidegate.upstream';

export function splitId(id) {
  const match = /^([A-Za-z0-9]+)-([1-9][0-9]*)$/.exec(id ?? '');
  assert.ok(match, `"${id}" is no <epoch>-<seq>`);
  return { epoch: match[1], seq: Number(match[2]) };
}

export class Continuity {
  lastId = '';
  first = null;
  events = 0;
  gaps = [];
  upstream = [];
  #last = null;
  #gap = null;

  // `allowsGaps`: a gap event may come, and must then be right.
  constructor({ allowsGaps = false } = {}) {
    this.allowsGaps = allowsGaps;
  }

  take(event) {
    if (event.type === GAP) return this.#takeGap(event);
    if (event.type === UPSTREAM) {
      assert.equal(event.id, null, 'a control event has no id');
      this.upstream.push({ afterId: this.lastId, ...JSON.parse(event.data) });
      return undefined;
    }
    const now = splitId(event.id);
    if (this.#gap) this.#endGap(event.id, now);
    else if (this.#last) {
      assert.equal(now.epoch, this.#last.epoch, `a new epoch without a gap event: ${this.lastId} -> ${event.id}`);
      assert.equal(now.seq, this.#last.seq + 1, `not the next event: ${this.lastId} -> ${event.id}`);
    } else this.first = now;
    this.#last = now;
    this.lastId = event.id;
    this.events++;
    return undefined;
  }

  #takeGap(event) {
    assert.equal(event.id, null, 'a gap event has no id');
    const gap = { ...JSON.parse(event.data), at: this.events };
    this.gaps.push(gap);
    assert.ok(this.allowsGaps, `a gap where none may be: after ${this.lastId}: ${event.data}`);
    assert.equal(gap.after ?? '', this.lastId, `a gap event names the last event wrongly: ${event.data}`);
    this.#gap = gap;
  }

  #endGap(id, now) {
    const gap = this.#gap;
    this.#gap = null;
    if (gap.before) assert.equal(gap.before, id, `a gap event names the next event wrongly: ${JSON.stringify(gap)}`);
    if (gap.reason === 'evicted' || gap.reason === 'lagged') {
      assert.equal(now.epoch, this.#last.epoch, `a ${gap.reason} gap stays in the epoch`);
      assert.equal(gap.missed, now.seq - this.#last.seq - 1, `a gap event counts wrongly before ${id}: ${JSON.stringify(gap)}`);
      assert.ok(gap.missed > 0, 'a gap of nothing');
    } else if (gap.reason === 'epoch') {
      assert.notEqual(now.epoch, this.#last?.epoch, 'an epoch gap leads into another epoch');
    }
  }
}
