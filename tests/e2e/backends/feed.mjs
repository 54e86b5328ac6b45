// A WebSocket feed with npm `ws`, the same for all who are connected: node feed.mjs PORT EVENTS-FILE
import fs from 'node:fs';
import http from 'node:http';
import { WebSocketServer } from 'ws';

const [port, file] = process.argv.slice(2);
let seq = fs.readFileSync(file, 'utf8').split('\n').length - 1;

const server = http.createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  fs.appendFileSync(file, `${body}\n`);
  const message = JSON.stringify({ seq: ++seq, ...JSON.parse(body) });
  for (const socket of feed.clients) socket.send(message);
  response.writeHead(204).end();
});
const feed = new WebSocketServer({ server, path: '/feed' });
server.listen(Number(port), '127.0.0.1');
