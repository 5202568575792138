import { customAlphabet, nanoid } from "nanoid";

export function handler() {
  const ids = Array.from({ length: 100 }, () => nanoid());
  return Response.json({
    length: ids[0].length,
    distinct: new Set(ids).size,
    shape: ids.every((id) => /^[\w-]{21}$/.test(id)),
    custom: /^[ab]{8}$/.test(customAlphabet("ab", 8)()),
  });
}
