// An EventSource of a page is a member of a room, and comes back when its stream ends:
//
//     node events.mjs http://localhost:PORT

import assert from "node:assert/strict";
import { openPage, withBrowser } from "./browser.mjs";

const origin = process.argv[2];

await withBrowser(async (browser) => {
  const page = await openPage(browser, origin);
  const told = await page.evaluate(async () => {
    const told = [];
    const source = new EventSource("/events/a");
    const next = (type) => new Promise((resolve) => source.addEventListener(type, resolve, { once: true }));
    const say = (text) => fetch("/events/a", { method: "POST", body: text });
    told.push((await next("message")).data);
    let message = next("message");
    await say("one\r\ntwo 😀");
    told.push((await message).data);
    message = next("binary");
    await say("bytes");
    told.push((await message).data);
    message = next("message");
    await say("close");
    told.push((await message).data);
    source.close();
    return told;
  });
  assert.deepEqual(told, ["welcome 1", "one\ntwo 😀", "AP8K", "welcome 1"]);
});
