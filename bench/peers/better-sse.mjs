// The same with better-sse: a session for each client, a channel for all. The message is JSON already, so it is passed
// on as it is; by itself better-sse would make JSON of it for each client.
import http from 'node:http';
import { createChannel, createSession } from 'better-sse';
import WebSocket from 'ws';

const { PORT, UPSTREAM, EVENTS_PATH = '/events' } = process.env;
const channel = createChannel();
let id = 0;

const upstream = new WebSocket(UPSTREAM);
upstream.on('message', (data) => channel.broadcast(data.toString(), 'message', { eventId: String(++id) }));
upstream.on('close', () => process.exit(1));

const server = http.createServer(async (request, response) => {
  if (request.url !== EVENTS_PATH) {
    response.writeHead(404).end();
    return;
  }
  const session = await createSession(request, response, { serializer: String });
  if (session.isConnected) channel.register(session);
});

upstream.on('open', () => server.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 4096 }));
