// The algorithms of WebCrypto: which operations each has, and with which parameters ("normalizing an algorithm").
(function (native, internals) {
  "use strict";

  const { isObject } = internals;
  const isDetached = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "detached").get;

  const fail = (name, message) => {
    throw new DOMException(message, name);
  };

  // A copy of the bytes of a BufferSource.
  const copyOf = (source, what) => {
    const buffer = ArrayBuffer.isView(source) ? source.buffer : source;
    if (!(buffer instanceof ArrayBuffer)) {
      throw new TypeError(`${what} must be an ArrayBuffer, a typed array or a DataView`);
    }
    if (isDetached.call(buffer)) return new Uint8Array(0);
    return buffer === source
      ? new Uint8Array(buffer.slice())
      : new Uint8Array(buffer.slice(source.byteOffset, source.byteOffset + source.byteLength));
  };

  // An operation of the server. Its words and fields are those of zigttp-crypto. What takes long is there in a
  // later run of the event alone: this one waits for it, and ends.
  const run = (words, ...fields) => {
    const answer = native.crypto(words, fields);
    if (answer === null) return new Promise(() => {});
    if (typeof answer !== "string") return new Uint8Array(answer);
    throw internals.exceptionOf(JSON.parse(answer));
  };

  // The fields of an answer that has several.
  const fieldsOf = (answer) => {
    const view = new DataView(answer.buffer);
    const fields = [];
    for (let at = 0; at < answer.length;) {
      const end = at + 4 + view.getUint32(at, true);
      fields.push(answer.slice(at + 4, end));
      at = end;
    }
    return fields;
  };

  // Parameters: how each is converted, and whether it must be there.
  const integer = (max) => (value, what) => {
    const number = Math.trunc(+value) + 0;
    if (number >= 0 && number <= max) return number;
    throw new TypeError(`${what} must be an integer from 0 to ${max}`);
  };
  const octet = integer(0xff), unsignedShort = integer(0xffff), unsignedLong = integer(0xffff_ffff);
  const bigInteger = (value, what) => {
    if (!(value instanceof Uint8Array)) throw new TypeError(`${what} must be a Uint8Array`);
    return copyOf(value, what);
  };
  const hash = (value) => normalize("digest", value).name;
  const text = (value) => `${value}`;
  const publicKey = (value, what) => {
    if (!internals.isCryptoKey(value)) throw new TypeError(`${what} must be a CryptoKey`);
    return value;
  };
  const must = (convert) => ({ convert, isRequired: true });
  const may = (convert) => ({ convert, isRequired: false });

  const NONE = {};
  const HASH = { hash: must(hash) };
  const CURVE = { namedCurve: must(text) };
  const KEY_LENGTH = { length: must(unsignedShort) };
  const HMAC = { hash: must(hash), length: may(unsignedLong) };
  const RSA = {
    modulusLength: must(unsignedLong),
    publicExponent: must(bigInteger),
    hash: must(hash),
  };
  const SALT = { saltLength: must(unsignedLong) };
  const OTHER = { public: must(publicKey) };
  const HKDF = { hash: must(hash), info: must(copyOf), salt: must(copyOf) };
  const PBKDF2 = { hash: must(hash), iterations: must(unsignedLong), salt: must(copyOf) };
  const IV = { iv: must(copyOf) };
  const COUNTER = { counter: must(copyOf), length: must(octet) };
  const LABEL = { label: may(copyOf) };
  const GCM = { additionalData: may(copyOf), iv: must(copyOf), tagLength: may(octet) };

  const aes = (parameters) => ({
    encrypt: parameters,
    decrypt: parameters,
    generateKey: KEY_LENGTH,
    importKey: NONE,
    getKeyLength: KEY_LENGTH,
  });
  const signature = (parameters, generateKey, importKey) => ({
    sign: parameters,
    verify: parameters,
    generateKey,
    importKey,
  });
  const agreement = (parameters) => ({
    deriveBits: OTHER,
    generateKey: parameters,
    importKey: parameters,
  });
  const derivation = (parameters) => ({ deriveBits: parameters, importKey: NONE, getKeyLength: NONE });

  const REGISTERED = new Map(
    Object.entries({
      "SHA-1": { digest: NONE },
      "SHA-256": { digest: NONE },
      "SHA-384": { digest: NONE },
      "SHA-512": { digest: NONE },
      "HMAC": { ...signature(NONE, HMAC, HMAC), getKeyLength: HMAC },
      "AES-GCM": aes(GCM),
      "AES-CBC": aes(IV),
      "AES-CTR": aes(COUNTER),
      "AES-KW": {
        wrapKey: NONE,
        unwrapKey: NONE,
        generateKey: KEY_LENGTH,
        importKey: NONE,
        getKeyLength: KEY_LENGTH,
      },
      "RSASSA-PKCS1-v1_5": signature(NONE, RSA, HASH),
      "RSA-PSS": signature(SALT, RSA, HASH),
      "RSA-OAEP": { encrypt: LABEL, decrypt: LABEL, generateKey: RSA, importKey: HASH },
      "ECDSA": signature(HASH, CURVE, CURVE),
      "Ed25519": signature(NONE, NONE, NONE),
      "ECDH": agreement(CURVE),
      "X25519": agreement(NONE),
      "HKDF": derivation(HKDF),
      "PBKDF2": derivation(PBKDF2),
    }).map(([name, operations]) => [name.toLowerCase(), { name, operations }]),
  );

  const inLowerCase = (name) => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

  // The algorithm by its own name, with its parameters for an operation.
  const normalize = (operation, algorithm) => {
    if (!isObject(algorithm)) algorithm = { name: `${algorithm}` };
    const { name } = algorithm;
    if (name === undefined) throw new TypeError("an algorithm must have a name");
    const registered = REGISTERED.get(inLowerCase(`${name}`));
    const parameters = registered?.operations[operation];
    if (parameters === undefined) {
      fail("NotSupportedError", `${registered?.name ?? JSON.stringify(`${name}`)} has no operation ${operation} here`);
    }
    const normalized = { name: registered.name };
    for (const [member, { convert, isRequired }] of Object.entries(parameters)) {
      const value = algorithm[member];
      if (value !== undefined) normalized[member] = convert(value, `${registered.name}: ${member}`);
      else if (isRequired) throw new TypeError(`${registered.name}: ${member} is missing`);
    }
    return normalized;
  };

  internals.cryptography = { fail, copyOf, run, fieldsOf, normalize, unsignedLong };
})
