// A browser on the page of the history example that pages back through what was said, at the width of a
// telephone:
//
//     node history.mjs http://127.0.0.1:PORT

import assert from "node:assert/strict";
import { openPage, withBrowser } from "./browser.mjs";

const origin = process.argv[2];

async function join(browser, name) {
  const page = await openPage(browser, origin, { viewport: { width: 360, height: 640 } });
  await page.fill("#name", name);
  await page.click("#join button");
  await page.getByText("connected").waitFor();
  return page;
}

const count = (page) => page.locator("#lines p").count();

await withBrowser(async (browser) => {
  const ada = await join(browser, "Ada");
  for (let number = 1; number <= 50; number++) {
    await ada.fill("#text", `line ${number}.`);
    await ada.press("#text", "Enter");
  }
  await ada.getByText("Ada line 50.").waitFor();
  assert.equal(await count(ada), 50);

  // A newcomer has the last page in view, and gets one more with each press of the button.
  const bob = await join(browser, "Bob");
  await bob.getByText("Ada line 50.").waitFor();
  assert.equal(await count(bob), 20);
  const past = bob.locator("#past");
  assert(await past.evaluate((it) => it.scrollHeight - it.scrollTop - it.clientHeight < 2));
  await past.evaluate((it) => { it.scrollTop = 0; });
  const top = await bob.getByText("Ada line 31.").boundingBox();
  await bob.getByRole("button", { name: "Earlier lines" }).press("Enter");
  await bob.getByText("Ada line 11.").waitFor();
  // What was read stays where it is.
  assert(Math.abs((await bob.getByText("Ada line 31.").boundingBox()).y - top.y) < 2);
  await bob.getByRole("button", { name: "Earlier lines" }).press("Enter");
  await bob.getByText("as far back as the room remembers").waitFor();
  const said = await bob.locator("#lines p").evaluateAll((lines) => lines.map((line) => line.lastChild.data));
  assert.deepEqual(said, Array.from({ length: 50 }, (_, index) => `line ${index + 1}.`));

  for (const page of [ada, bob]) {
    assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it is too wide");
    assert.deepEqual(page.problems, []);
  }
});
