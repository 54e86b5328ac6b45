// Chromium and Firefox as Debian packages them, with one small interface: open(url) -> page.
import fs from 'node:fs';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { atEnd } from './at-end.mjs';

const firstOf = (...paths) => paths.find((path) => fs.existsSync(path));
const chromiumPath = firstOf('/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome');
const firefoxPath = firstOf('/usr/bin/firefox-esr', '/usr/bin/firefox');

export const browsers = {
  Chromium: chromiumPath && (async (t) => {
    const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    atEnd(t, () => browser.close());
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    return async (url) => {
      const page = await context.newPage();
      await page.goto(url);
      return page;
    };
  }),
  Firefox: firefoxPath && (async (t) => {
    const browser = await puppeteer.launch({ browser: 'firefox', executablePath: firefoxPath, headless: true, acceptInsecureCerts: true });
    atEnd(t, () => browser.close());
    return async (url) => {
      const page = await browser.newPage();
      await page.goto(url);
      return page;
    };
  }),
};
