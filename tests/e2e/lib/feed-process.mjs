// A legacy backend as a process of its own, so that it can be killed for real. Run by startFeedProcess:
//   node feed-process.mjs '{"port":…, "run":…, "rate":…}'
// Each connection is sent {"run":…,"n":1}, {"run":…,"n":2}, … at the given rate.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { atEnd } from './at-end.mjs';
import { withTimeout } from './wait.mjs';

const file = fileURLToPath(import.meta.url);

export async function startFeedProcess(t, options) {
  const child = spawn(process.execPath, [file, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  atEnd(t, kill);
  await withTimeout(new Promise((resolve) => child.stdout.once('data', resolve)), 30000, 'the start of a feed');
  return { child, kill };
}

async function main() {
  const { port, run, rate } = JSON.parse(process.argv[2]);
  const { Feed } = await import('./feed.mjs');
  const onClient = (socket) => {
    const start = performance.now();
    let n = 0;
    const timer = setInterval(() => {
      const due = 1 + ((performance.now() - start) / 1000) * rate;
      while (n < due) socket.send(JSON.stringify({ run, n: ++n }));
    }, 5);
    socket.on('close', () => clearInterval(timer));
  };
  await new Feed({ onClient }).start(port);
  console.log('listening');
}

if (process.argv[1] === file) await main();
