// Two pages of a browser that play the quiz example, at the width of a telephone; one is loaded anew in the
// middle of it:
//
//     node quiz.mjs http://127.0.0.1:PORT

import assert from "node:assert/strict";
import { openPage, withBrowser } from "./browser.mjs";

const origin = process.argv[2];

async function join(page, name) {
  await page.fill("#name", name);
  await page.click("#join button");
  await page.getByText("connected").waitFor();
}

async function open(browser, name) {
  const page = await openPage(browser, origin, { viewport: { width: 360, height: 720 } });
  await join(page, name);
  return page;
}

const button = (page, name) => page.getByRole("button", { name });

await withBrowser(async (browser) => {
  const ada = await open(browser, "Ada");
  const bob = await open(browser, "Bob");
  assert(await button(ada, "Start").isVisible());
  assert(!(await button(bob, "Start").isVisible()), "only one is the host");
  await ada.selectOption("#pace", "40");
  await button(ada, "Start").click();

  await bob.getByText("Which planet has the shortest day?").waitFor();
  assert.match(await bob.locator("#seconds").textContent(), /^(40|39|38|37) s$/);
  await button(ada, "Jupiter").click();
  await ada.getByText("Waiting for one other.").waitFor();
  // Still the same player, and what is shown is what was.
  await ada.reload();
  await join(ada, "Ada");
  await ada.getByText("Waiting for one other.").waitFor();
  assert.equal(await button(ada, "Jupiter").getAttribute("aria-pressed"), "true");
  assert.equal(await ada.locator("#players li").count(), 2);

  // The last answer closes the question. By the keyboard, which stays where it is.
  await button(bob, "Earth").press("Enter");
  await bob.getByText("Wrong.").waitFor();
  await ada.getByText(/^Right: \d+ points\.$/).waitFor();
  assert(await button(bob, "Earth").evaluate((it) => it === document.activeElement));

  // The next question comes by itself; after it the host, who has been here longest, does not wait.
  await ada.getByText("How many bits has an IPv6 address?").waitFor();
  await bob.waitForFunction(() => {
    const go = document.getElementById("go");
    if (go.textContent !== "Start") go.click();
    return document.getElementById("text").textContent === "That was it.";
  }, undefined, { polling: 100 });
  await bob.getByText(/^Ada won with \d+ points\.$/).waitFor();
  await ada.getByText("That was it.").waitFor();

  for (const page of [ada, bob]) {
    assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it is too wide");
    assert.deepEqual(page.problems, []);
  }
});
