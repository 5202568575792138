import { AutoRouter } from "itty-router";

const router = AutoRouter();
router.get("/hello/:name", ({ params, query }) => ({ hello: params.name, query }));
router.get("/", () => "root");

export async function handler(req) {
  const asked = ["/hello/ann?a=1", "/", "/missing"].map(async (path) => {
    const response = await router.fetch(new Request(new URL(path, req.url)));
    return [response.status, await response.text()];
  });
  return Response.json(await Promise.all(asked));
}
