// `crypto.subtle` and its keys. What an algorithm computes is the server's work (`internals.cryptography.run`);
// here is what the standard says of arguments, usages and the names of errors.
(function (native, internals) {
  "use strict";

  const { brands, bytesOf, dictionary, expose, isObject, requireArguments } = internals;
  const { fail, copyOf, run, normalize, unsignedLong } = internals.cryptography;
  const { keysFor } = internals;

  const USAGES = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];
  const FORMATS = ["raw", "spki", "pkcs8", "jwk"];

  // Given to constructors that nobody else may call.
  const ours = Symbol();
  const illegal = () => {
    throw new TypeError("Illegal constructor");
  };

  // What only this file sees of a key: `type`, `extractable`, `algorithm`, `usages`, `handle`.
  let slotsOf;

  class CryptoKey {
    #slots;
    // What a handler sees of these is its own to change.
    #algorithm;
    #usages;

    static {
      slotsOf = (key) => key.#slots;
      internals.isCryptoKey = (value) => isObject(value) && #slots in value;
      brands.push(internals.isCryptoKey);
    }

    constructor(token, slots) {
      if (token !== ours) illegal();
      this.#slots = slots;
    }

    get type() {
      return this.#slots.type;
    }

    get extractable() {
      return this.#slots.extractable;
    }

    get algorithm() {
      this.#algorithm ??= structuredClone(this.#slots.algorithm);
      return this.#algorithm;
    }

    get usages() {
      this.#usages ??= [...this.#slots.usages];
      return this.#usages;
    }
  }

  const keyOf = (slots, extractable) => {
    if (slots.type !== "public" && slots.usages.length === 0) {
      fail("SyntaxError", `a ${slots.type} key must have a usage`);
    }
    return new CryptoKey(ours, { ...slots, extractable });
  };

  const keyArgument = (value, what) => {
    if (!internals.isCryptoKey(value)) throw new TypeError(`${what} must be a CryptoKey`);
    return slotsOf(value);
  };
  const formatArgument = (value, what) => {
    const format = `${value}`;
    if (!FORMATS.includes(format)) throw new TypeError(`${what} must be one of ${FORMATS.join(", ")}`);
    return format;
  };
  // Each once, in the order of the standard.
  const usagesArgument = (value, what) => {
    if (!isObject(value)) throw new TypeError(`${what} must be an array`);
    const usages = Array.from(value, (usage) => `${usage}`);
    const other = usages.find((usage) => !USAGES.includes(usage));
    if (other !== undefined) throw new TypeError(`${what}: ${JSON.stringify(other)} is no usage`);
    return USAGES.filter((usage) => usages.includes(usage));
  };

  const JWK_TEXTS = [
    "alg", "crv", "d", "dp", "dq", "e", "k", "kty", "n", "p", "q", "qi", "use", "x", "y",
  ];
  const jwkArgument = (value) => {
    const jwk = {};
    for (const name of JWK_TEXTS) if (value[name] !== undefined) jwk[name] = `${value[name]}`;
    if (value.ext !== undefined) jwk.ext = Boolean(value.ext);
    if (value.key_ops !== undefined) jwk.key_ops = Array.from(value.key_ops, (usage) => `${usage}`);
    if (value.oth !== undefined) jwk.oth = value.oth;
    return jwk;
  };
  const isBuffer = (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;

  const checkUse = (algorithm, key, usage) => {
    if (algorithm.name !== key.algorithm.name) {
      fail("InvalidAccessError", `the key is one for ${key.algorithm.name}, not for ${algorithm.name}`);
    }
    if (!key.usages.includes(usage)) fail("InvalidAccessError", `the key cannot be used for ${usage}`);
  };

  // The words of an operation that signs or verifies.
  const schemeOf = ({ name, hash, saltLength }, { algorithm }) =>
    ({
      "HMAC": () => `HMAC ${algorithm.hash.name}`,
      "RSASSA-PKCS1-v1_5": () => `${name} ${algorithm.hash.name}`,
      "RSA-PSS": () => `${name} ${algorithm.hash.name} ${saltLength}`,
      "ECDSA": () => `ECDSA ${algorithm.namedCurve} ${hash}`,
      "Ed25519": () => name,
    })[name]();

  const TAG_BITS = [32, 64, 96, 104, 112, 120, 128];

  // Encrypts or decrypts, whose fields differ by algorithm.
  const cipher = (direction, algorithm, key, data) => {
    const none = new Uint8Array(0);
    const { name, iv, counter, length, label = none, additionalData = none, tagLength = 128 } = algorithm;
    const { handle } = key;
    switch (name) {
      case "AES-GCM":
        if (!TAG_BITS.includes(tagLength)) fail("OperationError", `a tag has ${TAG_BITS.join(", ")} bits`);
        return run(`${direction} AES-GCM ${tagLength / 8}`, handle, iv, additionalData, data);
      case "AES-CTR":
        return run(`${direction} AES-CTR ${length}`, handle, counter, data);
      case "RSA-OAEP":
        return run(`${direction} RSA-OAEP ${key.algorithm.hash.name}`, handle, label, data);
      case "AES-KW":
        return run(`${direction} AES-KW`, handle, data);
      default:
        return run(`${direction} AES-CBC`, handle, iv, data);
    }
  };

  // The first bits of a secret; null asks for all of it.
  const derive = async (algorithm, key, length) => {
    const { name, hash, iterations, info, salt } = algorithm;
    if (name === "ECDH" || name === "X25519") {
      const other = slotsOf(algorithm.public);
      const isPair = key.type === "private" && other.type === "public" && other.algorithm.name === name &&
        other.algorithm.namedCurve === key.algorithm.namedCurve;
      if (!isPair) fail("InvalidAccessError", "it takes a private key, and a public key of the same kind");
      const secret = await run(`agree ${key.algorithm.namedCurve ?? name}`, key.handle, other.handle);
      if (length === null) return secret;
      if (secret.length * 8 < length) fail("OperationError", `the keys agree on ${secret.length * 8} bits`);
      const bits = secret.slice(0, Math.ceil(length / 8));
      if (length % 8 !== 0) bits[bits.length - 1] &= 0xff << 8 - length % 8;
      return bits;
    }
    if (length === null || length % 8 !== 0) {
      fail("OperationError", `${name} derives a number of bits that is a multiple of 8`);
    }
    return name === "HKDF"
      ? run(`derive HKDF ${hash} ${length / 8}`, key.handle, salt, info)
      : run(`derive PBKDF2 ${hash} ${length / 8} ${iterations}`, key.handle, salt);
  };

  const importKey = async (format, data, algorithm, extractable, usages) => {
    const slots = await keysFor[algorithm.name].import(algorithm, format, data, extractable, usages);
    return keyOf(slots, extractable);
  };

  const exportKey = async (format, key) => {
    const kind = keysFor[key.algorithm.name];
    if (kind.export === undefined) fail("NotSupportedError", `a key for ${key.algorithm.name} cannot be exported`);
    if (!key.extractable) fail("InvalidAccessError", "the key is not extractable");
    const exported = await kind.export(format, key);
    if (format !== "jwk") return exported;
    return { ...exported, key_ops: [...key.usages], ext: key.extractable };
  };

  const timingSafeEqual = (of, count, one, other) => {
    requireArguments(count, 2, of);
    const [a, b] = [bytesOf(one, `${of}: a`), bytesOf(other, `${of}: b`)];
    if (a.length !== b.length) throw new TypeError(`${of}: a and b must have as many bytes as each other`);
    return native.timingSafeEqual(a, b);
  };

  class SubtleCrypto {
    static {
      brands.push((value) => #check in value);
    }

    constructor(token) {
      if (token !== ours) illegal();
    }

    #check() {}

    async encrypt(algorithm, key, data) {
      return this.#cipher("encrypt", arguments.length, algorithm, key, data);
    }

    async decrypt(algorithm, key, data) {
      return this.#cipher("decrypt", arguments.length, algorithm, key, data);
    }

    async #cipher(direction, count, algorithm, key, data) {
      const of = `crypto.subtle.${direction}`;
      requireArguments(count, 3, of);
      key = keyArgument(key, `${of}: key`);
      const bytes = copyOf(data, `${of}: data`);
      const normalized = normalize(direction, algorithm);
      checkUse(normalized, key, direction);
      return (await cipher(direction, normalized, key, bytes)).buffer;
    }

    async sign(algorithm, key, data) {
      const of = "crypto.subtle.sign";
      this.#check();
      requireArguments(arguments.length, 3, of);
      key = keyArgument(key, `${of}: key`);
      const bytes = copyOf(data, `${of}: data`);
      const normalized = normalize("sign", algorithm);
      checkUse(normalized, key, "sign");
      return (await run(`sign ${schemeOf(normalized, key)}`, key.handle, bytes)).buffer;
    }

    async verify(algorithm, key, signature, data) {
      const of = "crypto.subtle.verify";
      this.#check();
      requireArguments(arguments.length, 4, of);
      key = keyArgument(key, `${of}: key`);
      const signed = copyOf(signature, `${of}: signature`);
      const bytes = copyOf(data, `${of}: data`);
      const normalized = normalize("verify", algorithm);
      checkUse(normalized, key, "verify");
      const [isRight] = await run(`verify ${schemeOf(normalized, key)}`, key.handle, bytes, signed);
      return isRight === 1;
    }

    async digest(algorithm, data) {
      const of = "crypto.subtle.digest";
      this.#check();
      requireArguments(arguments.length, 2, of);
      const bytes = copyOf(data, `${of}: data`);
      const { name } = normalize("digest", algorithm);
      return (await run(`digest ${name}`, bytes)).buffer;
    }

    async generateKey(algorithm, extractable, keyUsages) {
      const of = "crypto.subtle.generateKey";
      this.#check();
      requireArguments(arguments.length, 3, of);
      const usages = usagesArgument(keyUsages, `${of}: keyUsages`);
      const normalized = normalize("generateKey", algorithm);
      const made = await keysFor[normalized.name].generate(normalized, usages);
      if (made.privateKey === undefined) return keyOf(made, Boolean(extractable));
      return {
        publicKey: keyOf(made.publicKey, true),
        privateKey: keyOf(made.privateKey, Boolean(extractable)),
      };
    }

    async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
      const of = "crypto.subtle.deriveKey";
      this.#check();
      requireArguments(arguments.length, 5, of);
      const key = keyArgument(baseKey, `${of}: baseKey`);
      const usages = usagesArgument(keyUsages, `${of}: keyUsages`);
      const normalized = normalize("deriveBits", algorithm);
      const derived = normalize("importKey", derivedKeyType);
      const { lengthOf } = keysFor[derived.name];
      const length = lengthOf(normalize("getKeyLength", derivedKeyType));
      checkUse(normalized, key, "deriveKey");
      const bits = await derive(normalized, key, length);
      return importKey("raw", bits, derived, Boolean(extractable), usages);
    }

    async deriveBits(algorithm, baseKey, length = null) {
      const of = "crypto.subtle.deriveBits";
      this.#check();
      requireArguments(arguments.length, 2, of);
      const key = keyArgument(baseKey, `${of}: baseKey`);
      if (length !== null) length = unsignedLong(length, `${of}: length`);
      const normalized = normalize("deriveBits", algorithm);
      checkUse(normalized, key, "deriveBits");
      return (await derive(normalized, key, length)).buffer;
    }

    async importKey(format, keyData, algorithm, extractable, keyUsages) {
      const of = "crypto.subtle.importKey";
      this.#check();
      requireArguments(arguments.length, 5, of);
      format = formatArgument(format, `${of}: format`);
      const usages = usagesArgument(keyUsages, `${of}: keyUsages`);
      if (isBuffer(keyData) === (format === "jwk")) {
        throw new TypeError(`${of}: keyData must be ${format === "jwk" ? "a JSON Web Key" : "bytes"}`);
      }
      const data = format === "jwk"
        ? jwkArgument(dictionary(keyData, of))
        : copyOf(keyData, `${of}: keyData`);
      return importKey(format, data, normalize("importKey", algorithm), Boolean(extractable), usages);
    }

    async exportKey(format, key) {
      const of = "crypto.subtle.exportKey";
      this.#check();
      requireArguments(arguments.length, 2, of);
      format = formatArgument(format, `${of}: format`);
      const exported = await exportKey(format, keyArgument(key, `${of}: key`));
      return format === "jwk" ? exported : exported.buffer;
    }

    async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
      const of = "crypto.subtle.wrapKey";
      this.#check();
      requireArguments(arguments.length, 4, of);
      format = formatArgument(format, `${of}: format`);
      key = keyArgument(key, `${of}: key`);
      const wrapping = keyArgument(wrappingKey, `${of}: wrappingKey`);
      const normalized = this.#wrapping("wrapKey", "encrypt", wrapAlgorithm);
      checkUse(normalized, wrapping, "wrapKey");
      const exported = await exportKey(format, key);
      const bytes = format === "jwk" ? native.encode(JSON.stringify(exported)) : exported;
      return (await cipher("encrypt", normalized, wrapping, bytes)).buffer;
    }

    async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, keyAlgorithm, extractable, keyUsages) {
      const of = "crypto.subtle.unwrapKey";
      this.#check();
      requireArguments(arguments.length, 7, of);
      format = formatArgument(format, `${of}: format`);
      const wrapped = copyOf(wrappedKey, `${of}: wrappedKey`);
      const unwrapping = keyArgument(unwrappingKey, `${of}: unwrappingKey`);
      const usages = usagesArgument(keyUsages, `${of}: keyUsages`);
      const normalized = this.#wrapping("unwrapKey", "decrypt", unwrapAlgorithm);
      const algorithm = normalize("importKey", keyAlgorithm);
      checkUse(normalized, unwrapping, "unwrapKey");
      let data = await cipher("decrypt", normalized, unwrapping, wrapped);
      if (format === "jwk") {
        try {
          data = jwkArgument(dictionary(JSON.parse(native.decode(data, 0, true)), of));
        } catch {
          fail("DataError", "what was wrapped is no JSON Web Key");
        }
      }
      return importKey(format, data, algorithm, Boolean(extractable), usages);
    }

    // An algorithm that wraps keys, or one that encrypts whatever it is given.
    #wrapping(operation, otherwise, algorithm) {
      try {
        return normalize(operation, algorithm);
      } catch {
        return normalize(otherwise, algorithm);
      }
    }

    timingSafeEqual(a, b) {
      this.#check();
      return timingSafeEqual("crypto.subtle.timingSafeEqual", arguments.length, a, b);
    }
  }

  expose(CryptoKey, "CryptoKey", (key) => `CryptoKey { ${key.type}, ${key.algorithm.name} }`);
  expose(SubtleCrypto, "SubtleCrypto");
  Object.assign(internals, { ours, subtle: new SubtleCrypto(ours), timingSafeEqual });
})
