// A parser of text/event-stream as WHATWG HTML section 9.2.6 has it: bytes in, events out.
import { StringDecoder } from 'node:string_decoder';

export class SseParser {
  #decoder = new StringDecoder('utf8');
  #isFirst = true;
  #rest = '';
  #hadCr = false;
  #data = '';
  #type = '';
  #id = null;
  lastEventId = '';
  comments = 0;
  retry = null;

  constructor(onEvent, lastEventId = '') {
    this.onEvent = onEvent;
    this.lastEventId = lastEventId;
  }

  push(bytes) {
    let text = this.#decoder.write(bytes);
    if (text === '') return;
    if (this.#isFirst) {
      this.#isFirst = false;
      if (text[0] === '\uFEFF') text = text.slice(1);
    }
    let start = 0;
    if (this.#hadCr && text[0] === '\n') start = 1;
    this.#hadCr = false;
    // Most text has no CR at all; then only LF has to be looked for.
    const hasCr = text.includes('\r');
    for (;;) {
      const lf = text.indexOf('\n', start);
      const cr = hasCr ? text.indexOf('\r', start) : -1;
      const end = cr >= 0 && (lf < 0 || cr < lf) ? cr : lf;
      if (end < 0) break;
      this.#line(this.#rest + text.slice(start, end));
      this.#rest = '';
      start = end + 1;
      if (end === cr) {
        if (start === text.length) this.#hadCr = true;
        else if (text[start] === '\n') start++;
      }
    }
    this.#rest += text.slice(start);
  }

  get isMidEvent() {
    return this.#rest !== '' || this.#data !== '' || this.#type !== '' || this.#id !== null;
  }

  #line(line) {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) {
      this.comments++;
      return undefined;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value[0] === ' ') value = value.slice(1);
    if (field === 'data') this.#data += `${value}\n`;
    else if (field === 'event') this.#type = value;
    else if (field === 'id') {
      if (!value.includes('\0')) this.#id = value;
    } else if (field === 'retry' && /^[0-9]+$/.test(value)) this.retry = Number(value);
    return undefined;
  }

  #dispatch() {
    const hasId = this.#id !== null;
    if (hasId) this.lastEventId = this.#id;
    const data = this.#data;
    const type = this.#type || 'message';
    this.#data = '';
    this.#type = '';
    this.#id = null;
    if (data === '') return;
    this.onEvent({ type, data: data.slice(0, -1), id: hasId ? this.lastEventId : null, lastEventId: this.lastEventId });
  }
}
