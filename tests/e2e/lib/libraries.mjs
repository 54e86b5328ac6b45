// In a page: opens ?url=… with the library ?client=… and keeps what it delivers in window.whole.
import { fetchEventSource } from '/fetch-event-source/index';
import ReconnectingEventSource from '/reconnecting-eventsource.js';
import { SSE } from '/sse.js';
import { Whole } from '/whole.mjs';

const whole = (window.whole = new Whole());
const take = (event) => whole.take(event);
const TYPES = ['message', 'tidegate.gap', 'tidegate.upstream'];

function listen(source) {
  for (const type of TYPES) {
    source.addEventListener(type, (event) => take({ type, data: event.data, id: event.lastEventId }));
  }
  source.onerror = () => whole.errors++;
}

// It makes a message, without data and id, of each blank line after a comment or a hello. The id it comes back with is
// that of the last id line, be its event complete or not: cut between that line's end and the blank line, by a proxy or
// by the browser, which drops what the page has not read yet, it loses that one event. `ownFetch` can put that right.
function fromFetchEventSource(url, ownFetch, onId = () => {}) {
  fetchEventSource(url, {
    openWhenHidden: true,
    fetch: ownFetch,
    onmessage({ event, data, id }) {
      if (!data && !id) {
        whole.empty++;
        return;
      }
      take({ type: event || 'message', data, id });
      if (id) onId(id);
    },
    onclose() {
      throw new Error('ended');
    },
    onerror() {
      whole.errors++;
      whole.mayMiss = !ownFetch;
    },
  });
}

const open = {
  EventSource: (url) => listen(new EventSource(url)),
  'event-source-polyfill': (url) => listen(new window.EventSourcePolyfill(url)),
  'reconnecting-eventsource': (url) => listen(new ReconnectingEventSource(url, { max_retry_time: 100 })),
  'sse.js': (url) => listen(new SSE(url, { autoReconnect: true })),
  'fetch-event-source': (url) => fromFetchEventSource(url),
  'fetch-event-source that keeps its own id': (url) => {
    let lastId = null;
    const ownFetch = (input, init) => {
      const headers = { ...init.headers };
      delete headers['last-event-id'];
      if (lastId) headers['last-event-id'] = lastId;
      return fetch(input, { ...init, headers });
    };
    fromFetchEventSource(url, ownFetch, (id) => (lastId = id));
  },
};

const asked = new URLSearchParams(location.search);
open[asked.get('client')](asked.get('url'));
