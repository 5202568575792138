// Two browsers on the page of the assistant example, which get an answer word by word. This script is the model:
//
//     node assistant.mjs http://127.0.0.1:PORT PORT_OF_THE_MODEL

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { openPage, withBrowser } from "./browser.mjs";

const [origin, port] = process.argv.slice(2);
const model = createServer().listen(Number(port), "127.0.0.1");
await once(model, "listening");

/** The response to the next question, whose words this says. */
async function asked() {
  const [, response] = await once(model, "request");
  response.writeHead(200, { "content-type": "text/event-stream" });
  return (word) => response.write(`data: ${JSON.stringify({ choices: [{ delta: { content: word } }] })}\n\n`);
}

try {
  await withBrowser(async (browser) => {
    const pages = [];
    for (const width of [360, 1440]) {
      const page = await openPage(browser, origin, { viewport: { width, height: 640 } });
      await page.getByText("connected").waitFor();
      pages.push(page);
    }
    const [ada, bob] = pages;
    const next = asked();
    await ada.fill("#text", "Why is the sky blue?");
    await ada.press("#text", "Enter");
    const say = await next;
    let answer = "";
    for (const word of ["Because", " it", " scatters"]) {
      say(word);
      answer += word;
      // Each word is there before the model says the next.
      for (const page of pages) await page.locator("#log p.pending", { hasText: answer }).waitFor();
    }
    await bob.getByRole("button", { name: "Stop" }).click();
    for (const page of pages) {
      await page.getByText("stopped").waitFor();
      assert.equal(await page.locator("#log p.pending").count(), 0);
      assert.equal(await page.locator("#log p.assistant").textContent(), answer);
      assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it is too wide");
      assert.deepEqual(page.problems, []);
    }
  });
} finally {
  model.closeAllConnections();
  model.close();
}
