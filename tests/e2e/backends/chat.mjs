// A chat with npm `ws` that knows its users by the cookie `sid`: node chat.mjs PORT LOG-FILE
// Each connection counts its own messages and says whose they are, so that mixing up shows:
//   {"type":"message","to":"ann","n":2,"from":"bob","text":"hello"}
// "/quit" hangs up. The log says who came and went, and what was said.
import fs from 'node:fs';
import { WebSocketServer } from 'ws';

const [port, file] = process.argv.slice(2);
const log = (fact) => fs.appendFileSync(file, `${JSON.stringify(fact)}\n`);
const userOf = (request) => /(?:^|; *)sid=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
const members = new Set();

const verifyClient = ({ req }, accept) => accept(Boolean(userOf(req)), 401);
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port), path: '/room', verifyClient });

server.on('connection', (socket, request) => {
  const user = userOf(request);
  const room = new URL(request.url, 'ws://chat').searchParams.get('room');
  let n = 0;
  const send = (type, more) => socket.send(JSON.stringify({ type, to: user, n: ++n, ...more }));
  const member = { room, send };
  members.add(member);
  log({ opened: user, room });
  send('welcome', { room });

  socket.on('message', (bytes) => {
    const { text } = JSON.parse(bytes);
    log({ said: user, text });
    if (text === '/quit') {
      socket.close(1000, 'bye');
      return;
    }
    for (const other of members) if (other.room === room) other.send('message', { from: user, text });
  });
  socket.on('close', (code) => {
    members.delete(member);
    log({ closed: user, code });
  });
  socket.on('error', () => {});
});
