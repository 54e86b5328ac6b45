// The bridge that everybody writes first: each message of a WebSocket, to each response that is open.
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import WebSocket from 'ws';

const { PORT, UPSTREAM, EVENTS_PATH = '/events', CERT, KEY } = process.env;
const clients = new Set();
let id = 0;

const upstream = new WebSocket(UPSTREAM);
upstream.on('message', (data) => {
  const event = Buffer.from(`id: ${++id}\ndata: ${data}\n\n`);
  for (const client of clients) client.write(event);
});
upstream.on('close', () => process.exit(1));

function serve(request, response) {
  if (request.url !== EVENTS_PATH) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  response.write(':\n\n');
  clients.add(response);
  response.on('close', () => clients.delete(response));
}

const server = CERT
  ? https.createServer({ cert: fs.readFileSync(CERT), key: fs.readFileSync(KEY) }, serve)
  : http.createServer(serve);
upstream.on('open', () => server.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 4096 }));
