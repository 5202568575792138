import { connect, expect, request, test } from "zigttp:test";

const notify = (user: string, text: string) =>
  request("POST", `/api/users/${user}/notifications`, {
    headers: { authorization: "Bearer sender-token" },
    body: JSON.stringify({ text }),
  });

test("every tab of the user is told, and nobody else", async () => {
  const [one, two] = [await connect("/notifications?token=ada-token"), await connect("/notifications?token=ada-token")];
  const bob = await connect("/notifications?token=bob-token");
  expect(await (await notify("ada", "lunch")).json()).toEqual({ id: 1, tabs: 2 });
  for (const tab of [one, two]) expect(tab.received.at(-1)).toContain("lunch");
  expect(bob.received).toHaveLength(1);
});

test("what was missed is there later, until it is read", async () => {
  await notify("ada", "lunch");
  const tab = await connect("/notifications?token=ada-token");
  expect(tab.received[0]).toContain("lunch");
  tab.send(JSON.stringify({ type: "read", id: 1 }));
  const later = await connect("/notifications?token=ada-token");
  expect(JSON.parse(later.received[0] as string)).toEqual({ type: "unread", notifications: [] });
});

test("only the sender sends", async () => {
  expect((await request("POST", "/api/users/ada/notifications", { body: "{}" })).status).toBe(401);
});
