// Pages of a browser that open an auction, bid for it and see it end, at the width of a telephone:
//
//     node auction.mjs http://127.0.0.1:PORT

import assert from "node:assert/strict";
import { openPage, withBrowser } from "./browser.mjs";

const origin = process.argv[2];
const viewport = { width: 360, height: 720 };

async function bid(page, name, amount) {
  await page.fill("#name", name);
  if (amount !== undefined) await page.fill("#amount", String(amount));
  await page.getByRole("button", { name: "Bid", exact: true }).click();
}

await withBrowser(async (browser) => {
  const ada = await openPage(browser, origin, { viewport });
  await ada.fill("#item", "A lamp, hardly used");
  await ada.getByRole("button", { name: "Open the auction" }).click();
  await ada.getByRole("heading", { name: "A lamp, hardly used" }).waitFor();
  await ada.getByText("Nobody has bid yet.").waitFor();

  const bob = await openPage(browser, ada.url(), { viewport });
  const hall = await openPage(browser, origin, { viewport });
  await hall.getByText("None has ended yet.").waitFor();
  await bid(bob, "Bob");
  await ada.getByText("Bob leads.").waitFor();
  assert.equal(await ada.locator("#highest").textContent(), "10");
  // Her field has the least that counts now.
  await bid(ada, "Ada");
  await bob.getByText("Ada leads.").waitFor();
  assert.equal(await bob.locator("#highest").textContent(), "11");
  // The browser keeps back what is too little, and the server refuses it.
  await bob.locator("#amount").evaluate((it) => { it.min = "1"; });
  await bid(bob, "Bob", 5);
  await bob.getByText("Refused: a bid has to be 12 at least.").waitFor();
  assert.equal(await bob.locator("#bids li").count(), 2);

  // Another one, which ends while this test waits.
  const offer = { item: "A chair", price: 30, seconds: 3, overtime: 0 };
  await hall.evaluate((offer) => fetch("/auction/chair", { method: "PUT", body: JSON.stringify(offer) }), offer);
  await ada.goto(origin + "/?auction=chair");
  for (const text of ["Not sold.", "over"]) await ada.getByText(text, { exact: true }).waitFor();
  assert(!(await ada.locator("#bid").isVisible()));
  await hall.getByText("A chair").waitFor();
  await hall.getByText("not sold").waitFor();

  const lost = await openPage(browser, origin, { viewport });
  await lost.goto(origin + "/?auction=none");
  await lost.getByText("There is no such auction.").waitFor();

  for (const page of [ada, bob, hall]) {
    assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it is too wide");
    assert.deepEqual(page.problems, []);
  }
});
