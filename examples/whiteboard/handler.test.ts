import { connect, expect, test } from "zigttp:test";

// A red line of two points, three wide.
const stroke = new Uint8Array([1, 3, 2, 0, 10, 0, 10, 0, 20, 0, 20]);

test("what one draws the others see, and a newcomer too", async () => {
  const ada = await connect("/board/one");
  const bob = await connect("/board/one");
  ada.send(stroke);
  expect(bob.received.at(-1)).toEqual(stroke.buffer);
  const eve = await connect("/board/one");
  expect(eve.received[0]).toEqual(stroke.buffer);
  expect(eve.received.at(-1)).toBe("people 3");
});

test("who leaves hands the drawing on", async () => {
  const ada = await connect("/board/one");
  const bob = await connect("/board/one");
  ada.send(stroke);
  ada.close();
  expect(bob.attachment).toEqual(stroke);
});

test("what is no stroke closes the connection", async () => {
  const ada = await connect("/board/one");
  ada.send(new Uint8Array([99]));
  expect(ada.closed).toMatchObject({ code: 1008 });
});
