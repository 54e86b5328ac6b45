// Routes that serve libraries.html and all it loads.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const lib = path.dirname(fileURLToPath(import.meta.url));
const modules = path.join(lib, '../node_modules');
const reconnecting = path.join(modules, 'reconnecting-eventsource/build/esm');
const microsoft = path.join(modules, '@microsoft/fetch-event-source/lib/esm');

export const libraryRoutes = [
  { path: '/libraries', file: path.join(lib, 'libraries.html') },
  { path: '/libraries.mjs', file: path.join(lib, 'libraries.mjs') },
  { path: '/whole.mjs', file: path.join(lib, 'whole.mjs') },
  { path: '/event-source-polyfill.js', file: path.join(modules, 'event-source-polyfill/src/eventsource.js') },
  { path: '/reconnecting-eventsource.js', file: path.join(reconnecting, 'reconnecting-eventsource.js') },
  { path: '/sse.js', file: path.join(modules, 'sse.js/lib/sse.js') },
  ...['index', 'fetch', 'parse'].map((name) => ({
    path: `/fetch-event-source/${name}`,
    file: path.join(microsoft, `${name}.js`),
  })),
];
