import { connect, type Connection, expect, request, test } from "zigttp:test";

async function logIn(name: string): Promise<{ cookie: string }> {
  const response = await request("POST", "/login", { body: JSON.stringify({ name }) });
  expect(response.status).toBe(200);
  return { cookie: response.headers.get("set-cookie")!.split(";")[0] };
}

const news = (client: Connection) => JSON.parse(client.received.at(-1) as string);

test("a round is over when everybody has rolled", async () => {
  const ada = await connect("/table/oak", { headers: await logIn("Ada") });
  const bob = await connect("/table/oak", { headers: await logIn("Bob") });
  ada.send("roll");
  expect(news(bob).news).toMatch(/^Ada rolls \d+\.$/);
  bob.send("roll");
  expect(news(ada).news).toMatch(/round/);
  expect(news(ada).players.every((player: any) => !player.hasRolled)).toBe(true);
});

test("nobody sits down without a session", async () => {
  await expect(connect("/table/oak")).rejects.toMatchObject({ response: { status: 401 } });
});

test("the lobby is told who sits where", async () => {
  const lobby = await connect("/lobby", { headers: await logIn("Eve") });
  await connect("/table/ash", { headers: await logIn("Ada") });
  expect(news(lobby).tables).toContainEqual({ path: "/table/ash", seats: 6, players: ["Ada"] });
});
