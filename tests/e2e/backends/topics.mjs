// Topics over WebSocket with npm `ws`: node topics.mjs PORT
//   /feed      all topics on one connection
//   /q/SYMBOL  one topic for each connection, once it was asked for: {"op":"subscribe","symbol":"SYMBOL"}
// Nothing is said twice. A symbol that begins with "no-" is refused with 404.
// For tests: POST /publish takes a list of messages, [{"channel":…}, …], which go to /feed and to those who asked for the
// channel; GET /connections tells who has come, and with which request and messages.
import http from 'node:http';
import { WebSocketServer } from 'ws';

const topics = new WebSocketServer({ noServer: true });
const connections = [];

function accept(socket, request) {
  const connection = { url: request.url, headers: request.headers, messages: [], isOpen: true };
  connections.push(connection);
  socket.isWanted = (channel) => request.url === '/feed' || channel === socket.symbol;
  socket.on('message', (data) => {
    connection.messages.push(data.toString());
    const message = JSON.parse(data.toString());
    if (message.op !== 'subscribe' || request.url === '/feed') return;
    socket.symbol = message.symbol;
    socket.send(JSON.stringify({ channel: socket.symbol, type: 'status', data: 'subscribed' }));
  });
  socket.on('close', () => (connection.isOpen = false));
}

function publish(messages) {
  for (const message of messages) {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    for (const socket of topics.clients) if (socket.isWanted(message.channel)) socket.send(text);
  }
}

const server = http.createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  if (request.method === 'POST') publish(JSON.parse(body));
  response.end(JSON.stringify(connections));
});
server.on('upgrade', (request, socket, head) => {
  if (request.url.startsWith('/q/no-')) socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  else topics.handleUpgrade(request, socket, head, accept);
});
server.listen(Number(process.argv[2]), '127.0.0.1');
