// node rooms.mjs <url of `zigttp dev` of tests/fixtures/handlers/inspected.ts> [folder for pictures]
//
// Looks in the inspector at what events read and write, and at rooms with and without connections.

import assert from "node:assert/strict";
import { openPage, withBrowser } from "./browser.mjs";

const [url, pictures] = process.argv.slice(2);

await withBrowser(async (browser) => {
  const page = await openPage(browser, `${url}/__zigttp`);
  const picture = (name) => pictures && page.screenshot({ path: `${pictures}/${name}.png` });
  const has = (selector, text) => page.locator(selector, { hasText: text }).first().waitFor();
  const send = async (text) => {
    await page.fill("#message", text);
    await page.click("#send-button");
  };

  await has("#link", "live");
  await page.fill("#path", "/room/lobby");
  await page.click("#open button.primary");
  await has("#sockets-count", "1 socket open");
  await send("fill");
  await has("#replies .in", "filled");
  await send("<img src=x onerror=alert(1)>");
  await has("#replies .in", "stored 1");

  // An event shows what it has read and written; a key finds it.
  await page.fill("#filter", "log/0001");
  await has("#log .outcome", "2 puts");
  await has("#log .outcome", "timer");
  await page.locator("#log summary").first().click();
  for (const text of ["next", "list of all/…", "/room/other", "turn", "<img src=x onerror=alert(1)>"]) {
    await has("#log .facts", text);
  }
  await has("#log .facts", "250 keys");
  await picture("event");
  await page.fill("#filter", "");

  // A signal shows its data and its attempts; its room opens from there.
  await send("tell other");
  await has("#log .kind", "signal");
  await page.fill("#filter", "hello other");
  await page.locator("#log summary", { hasText: "signal" }).first().click();
  await has("#log .facts", "Attempt");
  await picture("signal");
  await page.locator("#log .facts button", { hasText: "/room/other" }).first().click();
  await has("#room-title", "/room/other");
  await has("#room-members", "0 connections");
  await has("#room-storage-keys", "heard");
  await has("#room-waiting-list", "stubborn");
  await page.locator("#room-waiting-list summary").first().click();
  await has("#room-waiting-list .facts", "1 failed");
  await picture("waiting");
  await page.keyboard.press("Escape");
  await page.locator("#room-sheet").waitFor({ state: "hidden" });
  await page.fill("#filter", "");

  // A room opens from the list of connections: its usage, keys by pages and by prefix, timers, memory.
  await page.locator(".room h3 button").first().click();
  await has("#room-members", "1 connection");
  await has("#room-storage-usage", "252 keys");
  await has("#room-timers-list", "turn");
  await has("#room-memory-keys", "<b>cursor</b>");
  await has("#room-storage-keys .key", "all/0000");
  await picture("room");
  await page.click("#room-storage-next");
  await has("#room-storage-keys .key", "all/0050");
  await page.click("#room-storage-first");
  await has("#room-storage-keys .key", "all/0000");
  await page.fill("#room-prefix", "log/");
  await has("#room-storage-keys .key", "log/0001");
  assert.equal(await page.locator("#room-storage-keys li").count(), 1);
  // A row opens by keyboard. It stays open, and has the focus, while the sheet is brought up to date.
  const row = page.locator("#room-storage-keys summary").first();
  await row.focus();
  await page.keyboard.press("Enter");
  await has("#room-storage-keys .value", "<img src=x onerror=alert(1)>");
  await page.waitForResponse((response) => response.url().includes("/room?"));
  await page.waitForResponse((response) => response.url().includes("/room?"));
  await has("#room-storage-keys .value", "<img src=x onerror=alert(1)>");
  assert.ok(await row.evaluate((summary) => summary === document.activeElement));
  await picture("key");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.fill("#room-prefix", "");
  await has("#room-storage-keys .key", "all/0000");
  await picture("room-dark");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("img[src=x], #room-sheet b, #log b").count(), 0, "a text is a text");

  // A room that was never there opens by its name, with nothing in it.
  await page.fill("#room-name", "/room/nobody");
  await page.keyboard.press("Enter");
  await has("#room-storage-usage", "0 keys");
  await has("#room-no-signals", "No timers");
  await page.keyboard.press("Escape");

  // On a telephone nothing is wider than the screen.
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "light" });
  await page.click(".tabs button[data-view=connections]");
  await picture("phone-connections");
  await page.locator(".room h3 button").first().click();
  await has("#room-storage-keys .key", "all/0000");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  assert.ok(await page.locator("#room-sheet").evaluate((sheet) => sheet.scrollWidth <= innerWidth));
  await picture("phone-room");
  await page.keyboard.press("Escape");
  await page.click(".tabs button[data-view=events]");
  await page.fill("#filter", "log/0001");
  await picture("phone-event");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  assert.deepEqual(page.problems, []);
});
