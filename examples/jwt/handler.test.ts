import { SignJWT } from "jose/jwt/sign";
import { beforeEach, connect, expect, test, world } from "zigttp:test";

const SECRET = "a secret of thirty-two characters";

beforeEach(() => world.env({ JWT_SECRET: SECRET, JWT_ISSUER: "tests", JWT_AUDIENCE: "chat" }));

const token = (name: string, issuer = "tests") =>
  new SignJWT({ name })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(name.toLowerCase())
    .setIssuer(issuer)
    .setAudience("chat")
    .sign(new TextEncoder().encode(SECRET));

test("who brings a token is let in by its name", async () => {
  const ada = await connect("/room/one", { headers: { authorization: `Bearer ${await token("Ada")}` } });
  ada.send("hi");
  expect(ada.received).toEqual(['{"type":"joined","name":"Ada"}', '{"type":"said","name":"Ada","text":"hi"}']);
});

test("a token of another issuer does not count", async () => {
  const foreign = `Bearer ${await token("Ada", "others")}`;
  await expect(connect("/room/one", { headers: { authorization: foreign } })).rejects.toThrow("401");
});
