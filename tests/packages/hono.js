import { Hono } from "hono";

const app = new Hono();
app.use(async (c, next) => {
  await next();
  c.header("x-served-by", "hono");
});
app.get("/", (c) => c.json({ path: c.req.path }));
app.get("/users/:id", (c) => c.json({ id: c.req.param("id"), query: c.req.query("q") ?? null }));
app.post("/echo", async (c) => c.json(await c.req.json()));
app.notFound((c) => c.text("nothing here", 404));

export async function handler(req) {
  const ask = async (path, init) => {
    const response = await app.fetch(new Request(new URL(path, req.url), init));
    return [response.status, response.headers.get("x-served-by"), await response.text()];
  };
  return Response.json([
    await ask("/"),
    await ask("/users/7?q=a%20b"),
    await ask("/echo", { method: "POST", body: JSON.stringify({ a: 1 }) }),
    await ask("/missing"),
  ]);
}
