// node inspector.mjs <url of `zigttp dev chat.ts`> <path of that chat.ts> [folder for pictures]
//
// Does in the inspector what a developer does on the first evening.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { openPage, withBrowser } from "./browser.mjs";

const [url, handler, pictures] = process.argv.slice(2);

await withBrowser(async (browser) => {
  const page = await openPage(browser, `${url}/__zigttp`);
  const picture = (name) => pictures && page.screenshot({ path: `${pictures}/${name}.png` });
  const has = (selector, text) => page.locator(selector, { hasText: text }).first().waitFor();

  await has("#link", "live");
  await has("#build-chip", "built in");
  await has("#no-connections", "No open connections.");
  await picture("empty");

  // The client opens WebSockets on a path that the routes suggest, and shows what they receive.
  assert.equal(await page.inputValue("#path"), "/room/lobby");
  await page.fill("#count", "3");
  await page.click("#open button.primary");
  await has("#sockets-count", "3 sockets open");
  await has("#connections-count", "3 in 1 room");
  await page.fill("#message", "<img src=x onerror=alert(1)>");
  await page.keyboard.press("Enter");
  await has("#replies .in", "hello <img src=x onerror=alert(1)>, this is lobby");
  await page.fill("#message", "good evening");
  await page.click("#send-button");
  await has("#replies .in", ">: good evening");
  assert.equal(await page.locator("#replies img, #log img").count(), 0, "a text is a text");
  await page.selectOption("#kind", "hex");
  await page.fill("#message", "0 g");
  await page.click("#send-button");
  await has("#send-error", "pairs of hex digits");
  await page.fill("#message", "00 ff");
  await page.click("#send-button");
  await has("#log .input", "00 ff");

  // The log shows the result of each event; a row opens by keyboard.
  await has("#log .outcome", "attachment");
  await has("#log .outcome", "3 frames");
  await page.fill("#filter", "good evening");
  await page.locator("#log summary").first().focus();
  await page.keyboard.press("Enter");
  await has("#log .facts", "Sent to");
  await has("#log .facts", "sandbox restored in");
  await picture("events");

  // The event runs once more on the present build, and is written as a test.
  await page.locator("#log button", { hasText: "Run on the present build" }).first().click();
  await has("#log .again", "it does the same");
  await has("#log .again", "attachment of");
  await page.locator("#log button", { hasText: "Save as test" }).first().click();
  await has("#log .again pre", 'send("good evening");');
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    page.locator("#log .again a", { hasText: "Save event.test.ts" }).first().click(),
  ]);
  assert.match(await readFile(await saved.path(), "utf8"), /^import \{.*\} from "zigttp:test";\n/);
  await picture("again");
  await page.fill("#filter", "");

  // A connection shows its attachment, and is closed with a code.
  await page.locator(".row").first().click();
  await has("#sheet .value", "<img src=x onerror=alert(1)>");
  await picture("connection");
  await page.fill("#close-code", "4007");
  await page.fill("#close-reason", "seen enough");
  await page.click("#close .danger");
  await has("#sheet-gone", "has closed");
  await page.keyboard.press("Escape");
  await page.locator("#sheet").waitFor({ state: "hidden" });
  await has("#replies .closed", "closed with 4007 seen enough");
  await has("#connections-count", "2 in 1 room");

  // A broken save is shown and the sockets stay; then one whose events fail; then the first again.
  const source = await readFile(handler, "utf8");
  await writeFile(handler, source.replace("./page.ts", "./pages.ts"));
  await has("#build-chip", "does not build, 1 error");
  await has("#findings pre", "import { page } from");
  await picture("broken");
  await page.emulateMedia({ colorScheme: "dark" });
  await picture("broken-dark");
  const failing = source.replace("data: string | ArrayBuffer", "data: any")
    .replace("if (typeof data", "if (data === \"fail\") data.fail();\n  if (typeof data");
  await writeFile(handler, failing);
  await has("#log .mark", "a new handler is in use from here on");
  await page.locator("#build").waitFor({ state: "hidden" });
  await page.selectOption("#kind", "text");
  await page.fill("#message", "fail");
  await page.click("#send-button");
  await has("#log .failed .outcome", "TypeError");
  await page.check("#failed-only");
  await page.locator("#log .failed summary").first().click();
  const line = failing.split("\n").findIndex((text) => text.includes("data.fail()")) + 1;
  await has("#log .stack", `chat.ts:${line}:`);
  await picture("failed-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await has("#sockets-count", "2 sockets open");
  await writeFile(handler, source);
  await page.uncheck("#failed-only");
  await page.click("#close-all");
  await has("#no-connections", "No open connections.");

  // On a telephone one part is visible at a time, and nothing is wider than the screen.
  await page.setViewportSize({ width: 390, height: 844 });
  for (const view of ["connections", "client", "handler", "events"]) {
    await page.click(`.tabs button[data-view=${view}]`);
    await page.locator(`[data-part=${view}]`).waitFor();
    assert.equal(await page.locator("[data-part]:visible").count(), 1);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), view);
    await picture(`phone-${view}`);
  }
  assert.deepEqual(page.problems, []);
});
