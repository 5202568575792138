import { Packr, pack, unpack } from "msgpackr";

export function handler() {
  const value = { name: "Åsa", list: [1, -2, 3.5, null, true], nested: { a: { b: "c" } } };
  const packr = new Packr({ structures: [] });
  return Response.json({
    bytes: [...pack(value)],
    back: unpack(pack(value)),
    records: packr.unpack(packr.pack([value, value])),
  });
}
