// What of Node.js's `crypto` is honest here: WebCrypto, and random values from the sandbox's own generator.
const { crypto } = globalThis;

export const webcrypto = crypto;
export const subtle = crypto.subtle;
export const timingSafeEqual = (a, b) => crypto.timingSafeEqual(a, b);
export const randomUUID = () => crypto.randomUUID();
export const getRandomValues = (array) => crypto.getRandomValues(array);
export const randomFillSync = getRandomValues;

export default { webcrypto, subtle, timingSafeEqual, randomUUID, getRandomValues, randomFillSync };
