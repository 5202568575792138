import { decode, encode } from "@msgpack/msgpack";

export function handler() {
  const value = { name: "Åsa", list: [1, -2, 3.5, null, true], bytes: new Uint8Array([1, 2]), big: 2 ** 40 };
  const bytes = encode(value);
  const back = decode(bytes);
  return Response.json({ bytes: [...bytes], back: { ...back, bytes: [...back.bytes] } });
}
