// HMAC (RFC 2104) with SHA-256 (FIPS 180-4), which a handler has to bring along.

const BLOCK = 64;

/** HMAC-SHA-256 of a text, in hex. */
export function hmac(secret: string, text: string): string {
  const utf8 = new TextEncoder();
  let key = utf8.encode(secret);
  if (key.length > BLOCK) key = sha256(key);
  const padded = (pad: number) => {
    const block = new Uint8Array(BLOCK).fill(pad);
    for (const [at, byte] of key.entries()) block[at]! ^= byte;
    return block;
  };
  const inner = sha256(joined(padded(0x36), utf8.encode(text)));
  return Array.from(sha256(joined(padded(0x5c), inner)), hex).join("");
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

// Fractions of the roots of the first primes. Made when the handler is built: an event finds them done.
const PRIMES = firstPrimes(64);
const ROUND = PRIMES.map((prime) => fraction(Math.cbrt(prime)));
const START = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));

function sha256(message: Uint8Array): Uint8Array<ArrayBuffer> {
  // The message, a one, zeros, and its length in bits, in whole blocks.
  const length = Math.ceil((message.length + 9) / BLOCK) * BLOCK;
  const padded = joined(message, new Uint8Array(length - message.length));
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(length - 8, BigInt(message.length) * 8n);

  const state = Uint32Array.from(START);
  const words = new Uint32Array(64);
  for (let block = 0; block < length; block += BLOCK) {
    for (let at = 0; at < 64; at++) words[at] = at < 16 ? view.getUint32(block + at * 4) : next(words, at);
    compress(state, words);
  }
  const digest = new DataView(new ArrayBuffer(32));
  for (const [at, word] of state.entries()) digest.setUint32(at * 4, word);
  return new Uint8Array(digest.buffer);
}

function next(words: Uint32Array, at: number): number {
  const before = words[at - 15]!;
  const last = words[at - 2]!;
  const sigma0 = turned(before, 7) ^ turned(before, 18) ^ (before >>> 3);
  const sigma1 = turned(last, 17) ^ turned(last, 19) ^ (last >>> 10);
  return words[at - 16]! + sigma0 + words[at - 7]! + sigma1;
}

function compress(state: Uint32Array, words: Uint32Array) {
  let [a, b, c, d, e, f, g, h] = state as unknown as [
    number, number, number, number, number, number, number, number,
  ];
  for (let at = 0; at < 64; at++) {
    const sum1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const sum0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
    const first = h + sum1 + ((e & f) ^ (~e & g)) + ROUND[at]! + words[at]!;
    const second = sum0 + ((a & b) ^ (a & c) ^ (b & c));
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  for (const [at, value] of [a, b, c, d, e, f, g, h].entries()) state[at]! += value;
}

function turned(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function fraction(root: number): number {
  return Math.floor((root % 1) * 2 ** 32);
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let number = 2; primes.length < count; number++) {
    if (primes.every((prime) => number % prime !== 0)) primes.push(number);
  }
  return primes;
}
