// The configurations of docs/backends.md, as tests run them.
import assert from 'node:assert';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.mjs';

const near = (name) => fileURLToPath(new URL(name, import.meta.url));
const guide = fs.readFileSync(near('../../../docs/backends.md'), 'utf8');

// The first configuration under a heading, with the test's ports; /page is lib/page.html.
export async function documented(heading, port) {
  const text = new RegExp(`^##+ ${heading}\n(?:(?!^##)[^])*?^\`\`\`json\n([^]*?)^\`\`\``, 'm').exec(guide)?.[1];
  assert.ok(text, `docs/backends.md has a configuration under "${heading}"`);
  const config = JSON.parse(text.replaceAll('127.0.0.1:5000', `127.0.0.1:${port}`));
  return {
    ...config,
    listen: [{ address: '127.0.0.1', port: await freePort() }],
    admin: { port: await freePort() },
    drain: '100ms',
    routes: [...config.routes, { path: '/page', file: near('page.html') }],
  };
}
