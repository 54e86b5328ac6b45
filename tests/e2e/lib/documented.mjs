// The configurations of docs/backends.md, which are the files of config/recipes, as tests run them.
import assert from 'node:assert';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.mjs';

const near = (name) => fileURLToPath(new URL(name, import.meta.url));
const guide = fs.readFileSync(near('../../../docs/backends.md'), 'utf8');

// The first block of code under a heading that is in this language.
function block(heading, language) {
  const fence = new RegExp(`^##+ ${heading}\n(?:(?!^##)[^])*?^\`\`\`${language}\n([^]*?)^\`\`\``, 'm');
  const text = fence.exec(guide)?.[1];
  assert.ok(text, `docs/backends.md has ${language} under "${heading}"`);
  return text;
}

export const documentedScript = (heading) => block(heading, 'js');

// The text of the file that is shown under the heading.
function recipe(heading) {
  const link = new RegExp(`^##+ ${heading}\n(?:(?!^##)[^])*?^\\[config/recipes/([\\w.-]+)\\]`, 'm');
  const name = link.exec(guide)?.[1];
  assert.ok(name, `docs/backends.md links to a file of config/recipes under "${heading}"`);
  return fs.readFileSync(near(`../../../config/recipes/${name}`), 'utf8');
}

// The configuration, with the test's ports; /page is lib/page.html.
export async function documented(heading, port) {
  const config = JSON.parse(recipe(heading).replaceAll('127.0.0.1:5000', `127.0.0.1:${port}`));
  return {
    ...config,
    listen: [{ address: '127.0.0.1', port: await freePort() }],
    admin: { port: await freePort() },
    drain: '100ms',
    routes: [...config.routes, { path: '/page', file: near('page.html') }],
  };
}
