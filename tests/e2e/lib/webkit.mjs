// WebKit as Debian packages it (webkit2gtk-driver, MiniBrowser, Xvfb), over WebDriver by plain HTTP, with the
// interface of browsers.mjs.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { atEnd } from './at-end.mjs';
import { freePort } from './ports.mjs';
import { until, withTimeout } from './wait.mjs';

const firstOf = (...paths) => paths.find((path) => fs.existsSync(path));
const driver = firstOf('/usr/bin/WebKitWebDriver');
const screen = firstOf('/usr/bin/Xvfb');
const miniBrowser = firstOf(
  ...fs.readdirSync('/usr/lib').filter((name) => name.endsWith('-linux-gnu')).flatMap((name) => [
    `/usr/lib/${name}/webkit2gtk-4.1/MiniBrowser`,
    `/usr/lib/${name}/webkit2gtk-4.0/MiniBrowser`,
  ]),
);

export const hasWebKit = Boolean(driver && screen && miniBrowser);

function start(stops, file, args, options) {
  const child = spawn(file, args, options);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  stops.unshift(async () => {
    child.kill();
    await exited;
  });
  return child;
}

// Xvfb chooses a free display itself.
async function startScreen(stops) {
  const child = start(stops, screen, ['-displayfd', '3', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const said = new Promise((resolve) => child.stdio[3].once('data', resolve));
  const number = await withTimeout(said, 30000, 'the start of Xvfb');
  return `:${number.toString().trim()}`;
}

export async function launchWebKit(t) {
  const stops = []; // the last started is the first
  atEnd(t, async () => {
    for (const stop of stops) await stop();
  });
  const display = await startScreen(stops);
  const port = await freePort();
  const withoutGpu = { LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_COMPOSITING_MODE: '1' };
  start(stops, driver, [`--port=${port}`], {
    stdio: 'ignore',
    env: { ...process.env, ...withoutGpu, DISPLAY: display, GDK_BACKEND: 'x11' },
  });
  const base = `http://127.0.0.1:${port}`;
  const call = async (method, route, body) => {
    const response = await fetch(`${base}${route}`, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`WebDriver ${route}: ${value?.error}: ${value?.message}`);
    return value;
  };
  await until('WebKitWebDriver', async () => (await call('GET', '/status').catch(() => null))?.ready);
  const options = { binary: miniBrowser, args: ['--automation'] };
  const { sessionId } = await call('POST', '/session', {
    capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } },
  });
  stops.unshift(() => call('DELETE', `/session/${sessionId}`).catch(() => {}));
  // One window, and so one page at a time.
  const goto = (url) => call('POST', `/session/${sessionId}/url`, { url });
  return async (url) => {
    await goto(url);
    return {
      goto,
      reload: () => call('POST', `/session/${sessionId}/refresh`, {}),
      evaluate: (act, ...args) =>
        call('POST', `/session/${sessionId}/execute/sync`, { script: `return (${act}).apply(null, arguments)`, args }),
      close: () => goto('about:blank'),
    };
  };
}
