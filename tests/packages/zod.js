import { z } from "zod";

const Move = z.object({ x: z.number().int(), y: z.number().min(0), name: z.string().min(2).optional() });

export function handler() {
  const given = [{ x: 1, y: 2 }, { x: 1.5, y: -1 }, { x: 1, y: 2, name: "a" }, "no"];
  const results = given.map((it) => Move.safeParse(it));
  return Response.json(results.map((it) => (it.success ? it.data : it.error.issues)));
}
