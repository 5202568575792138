import superjson from "superjson";

export function handler() {
  const value = { at: new Date(0), set: new Set([1, 2]), map: new Map([["a", 1n]]), none: undefined, re: /x/g };
  const text = superjson.stringify(value);
  const back = superjson.parse(text);
  return Response.json({ text, at: back.at instanceof Date, set: [...back.set], map: String(back.map.get("a")) });
}
