// What of Node.js's `crypto` is honest here: random values, from the sandbox's own generator.
const { crypto } = globalThis;

export const webcrypto = crypto;
export const randomUUID = () => crypto.randomUUID();
export const getRandomValues = (array) => crypto.getRandomValues(array);
export const randomFillSync = getRandomValues;

export default { webcrypto, randomUUID, getRandomValues, randomFillSync };
