// Checks that a client's events are exactly the stream: nothing lost, nothing twice, in order; and that every
// gap that is told is told exactly.
import assert from 'node:assert';

export const GAP = 'tidegate.gap';
export const UPSTREAM = 'tidegate.upstream';
// Gaps told in the stream itself: of messages that Tidegate could not take, and that have left no hole in the ids.
export const LOSSES = ['oversize', 'encoding', 'memory'];

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
  losses = [];
  upstream = [];
  #last = null;
  #gap = null;

  // `allowsGaps`, `allowsLosses`: such a gap event may come, and must then be right.
  constructor({ allowsGaps = false, allowsLosses = false } = {}) {
    this.allowsGaps = allowsGaps;
    this.allowsLosses = allowsLosses;
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
    if (LOSSES.includes(gap.reason)) return this.#takeLoss(gap);
    this.gaps.push(gap);
    assert.ok(this.allowsGaps, `a gap where none may be: after ${this.lastId}: ${event.data}`);
    assert.equal(gap.after ?? '', this.lastId, `a gap event names the last event wrongly: ${event.data}`);
    this.#gap = gap;
  }

  // At its place: right after the event that it names, with no hole behind it.
  #takeLoss(gap) {
    assert.ok(this.allowsLosses, `a loss where none may be: after ${this.lastId}: ${JSON.stringify(gap)}`);
    if (this.#last) assert.equal(gap.after, this.lastId, `a gap event names the last event wrongly: ${JSON.stringify(gap)}`);
    assert.equal(gap.before, null);
    assert.ok(gap.missed > 0, 'a loss of nothing');
    this.losses.push(gap);
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
