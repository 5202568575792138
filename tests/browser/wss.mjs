// Two windows of a browser chat on the page of the chat example, over https and wss:
//
//     node wss.mjs https://localhost:PORT

import assert from "node:assert/strict";
import { openPage, withBrowser } from "./browser.mjs";

const origin = process.argv[2];

await withBrowser(async (browser) => {
  const pages = [];
  for (const name of ["Ada", "Bob"]) {
    // The certificate is the tests' own.
    const page = await openPage(browser, origin, { ignoreHTTPSErrors: true });
    const socket = page.waitForEvent("websocket");
    await page.fill("#name", name);
    await page.click("#join button");
    assert.equal((await socket).url(), `${origin.replace("https:", "wss:")}/room/lobby`);
    await page.getByText(`hello ${name}, this is lobby`).waitFor();
    pages.push(page);
  }
  const [ada, bob] = pages;
  await ada.fill("#text", "good morning");
  await ada.press("#text", "Enter");
  for (const page of pages) await page.getByText("Ada: good morning", { exact: true }).waitFor();
  const long = "long ".repeat(10_000) + "end";
  await bob.fill("#text", long);
  await bob.press("#text", "Enter");
  for (const page of pages) await page.getByText(`Bob: ${long}`, { exact: true }).waitFor();
  const version = await ada.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
  assert.equal(version, "h2");
});
