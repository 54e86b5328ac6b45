// Client libraries that run in node. Each opens `url`, calls take({ type, data, id }) for each event, and returns
// what closes it.
import { EventSource as NpmEventSource } from 'eventsource';
import { createEventSource } from 'eventsource-client';
import polyfill from 'event-source-polyfill';
import ReconnectingEventSource from 'reconnecting-eventsource';
import * as undici from 'undici';

const TYPES = ['message', 'binary', 'tidegate.gap', 'tidegate.upstream'];

export function fromEventTarget(source, take) {
  for (const type of TYPES) {
    source.addEventListener(type, (event) => take({ type, data: event.data, id: event.lastEventId }));
  }
  return () => source.close();
}

export const clients = {
  'npm eventsource': (url, take) => fromEventTarget(new NpmEventSource(url), take),
  'npm eventsource-client': (url, take) => {
    const source = createEventSource({
      url,
      onMessage: ({ event, data, id }) => take({ type: event ?? 'message', data, id }),
    });
    return () => source.close();
  },
  'npm event-source-polyfill': (url, take) => fromEventTarget(new polyfill.EventSourcePolyfill(url), take),
  'npm reconnecting-eventsource': (url, take) => {
    const options = { eventSourceClass: NpmEventSource, max_retry_time: 100 };
    return fromEventTarget(new ReconnectingEventSource(url, options), take);
  },
  // Older versions of it have none.
  'undici EventSource': undici.EventSource && ((url, take) => fromEventTarget(new undici.EventSource(url), take)),
};
