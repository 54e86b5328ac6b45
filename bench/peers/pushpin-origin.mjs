// What Pushpin asks about each client: "hold this one, and give it what is published to the stream of its URL".
import http from 'node:http';

const server = http.createServer((request, response) => {
  const stream = /^\/events\/(\w+)$/.exec(request.url)?.[1];
  if (!stream) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache',
    'Grip-Hold': 'stream',
    'Grip-Channel': stream,
  });
  response.end(':\n\n');
});

server.keepAliveTimeout = 60_000;
server.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 });
