// What Spring's SseEmitter writes, byte for byte: at /events as events of Tomcat, at /named with names, ids and comments,
// and at /untyped without a Content-Type, as when a filter has taken it away. node spring.mjs PORT
import net from 'node:net';

const chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const head = (type) => `HTTP/1.1 200 \r\n${type}Transfer-Encoding: chunked\r\nDate: Mon, 30 Nov 2026 12:00:00 GMT\r\n\r\n`;
const typed = head('Content-Type: text/event-stream;charset=UTF-8\r\n');

// Each part of an event is written, and flushed, by itself.
const plain = [0, 1, 2].flatMap((i) => ['data:', `${i}`, '\n\n']);
const named = [0, 1, 2].flatMap((i) => [`:note ${i}\nid:${i}\nevent:tick\nretry:3000\ndata:`, `${i}`, '\n\n']);
const answers = {
  '/events': [typed, plain],
  '/named': [typed, named],
  '/untyped': [head(''), plain],
};

net.createServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', (request) => {
    const [start, parts] = answers[request.toString().split(' ')[1]];
    socket.write(start);
    for (const part of parts) socket.write(chunk(part));
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
