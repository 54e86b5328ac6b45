// An LLM's WebSocket interface with npm `ws`: node llm.mjs PORT FILE
// The first message, {"prompt": …}, comes back as tokens and [DONE]; see llm_app.py, which it resembles.
import fs from 'node:fs';
import http from 'node:http';
import { WebSocketServer } from 'ws';

const [port, file] = process.argv.slice(2);
const note = (fact) => fs.appendFileSync(file, `${JSON.stringify(fact)}\n`);
const pause = () => new Promise((resolve) => setTimeout(resolve, 1));

let go;
const going = new Promise((resolve) => (go = resolve));
const server = http.createServer((request, response) => {
  go();
  response.writeHead(204).end();
});

async function answer(socket, { prompt, tokens = 20, hold = -1, breaks_after = -1 }) {
  note({ asked: prompt });
  let end = 'complete';
  socket.on('close', () => note({ end, prompt }));
  for (let n = 1; n <= tokens && socket.readyState === socket.OPEN; n++) {
    end = 'broken';
    if (n === hold + 1) await going;
    if (n === breaks_after + 1) return socket.terminate();
    socket.send(JSON.stringify({ token: `${n}:${prompt}` }));
    end = 'complete';
    await pause();
  }
  return socket.send('[DONE]');
}

new WebSocketServer({ server, path: '/answer' }).on('connection', (socket) => {
  socket.once('message', (data) => answer(socket, JSON.parse(data)));
});
server.listen(Number(port), '127.0.0.1');
