// An event stream with Express, and, at /untyped, without the head that names its type. node express.cjs PORT
const express = require('express');

const app = express();

function send(req, res) {
  let i = 0;
  const timer = setInterval(() => {
    if (i < 3) res.write(`data: ${i++}\n\n`);
  }, 10);
  req.on('close', () => clearInterval(timer));
}

app.get('/events', (req, res) => {
  res.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache',
    Connection: 'keep-alive',
  });
  send(req, res);
});

app.get('/untyped', send);

app.listen(Number(process.argv[2]), '127.0.0.1');
