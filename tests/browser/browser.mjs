// The system's chromium, driven by playwright-core. A test is a script that imports this and exits with 0,
// or throws an error.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** How long anything may take, in milliseconds. */
const PATIENCE = 30_000;

/** Starts the browser, hands it to `test`, and ends it. */
export async function withBrowser(test, options = {}) {
  const executablePath = process.env.CHROMIUM ?? PLACES.find(existsSync);
  // Chromium's sandbox needs a user that is not root, which containers seldom have.
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath, args, ...options });
  try {
    await test(browser);
  } finally {
    await browser.close();
  }
}

/** A page that fails the test if a script of it throws or its policy is broken. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (line) => {
    if (line.type() === "error") page.problems.push(line.text());
  });
  await page.goto(url);
  return page;
}
