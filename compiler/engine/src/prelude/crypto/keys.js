// Keys of WebCrypto: made, imported and exported. A key's bytes are its handle: a secret itself, or what the
// server has made of the key that was imported.
(function (native, internals) {
  "use strict";

  const { fail, run, fieldsOf } = internals.cryptography;

  // Bits that a hash works on at once: the length of a key for HMAC, unless told otherwise.
  const BLOCK_BITS = { "SHA-1": 512, "SHA-256": 512, "SHA-384": 1024, "SHA-512": 1024 };

  const toBase64 = (bytes) =>
    btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const fromBase64 = (text, what) => {
    if (text === undefined || !/^[\w-]*$/.test(text) || text.length % 4 === 1) {
      fail("DataError", `the JSON Web Key has no ${what}, or one that is not base64url`);
    }
    const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  };

  const checkUsages = (usages, allowed, of) => {
    const other = usages.find((usage) => !allowed.includes(usage));
    if (other !== undefined) fail("SyntaxError", `${of} cannot be used for ${other}`);
  };

  // What all JSON Web Keys are checked for.
  const checkJwk = (jwk, kty, use, extractable, usages) => {
    const wrong = (member) => fail("DataError", `${member} of the JSON Web Key does not fit`);
    if (jwk.kty !== kty) wrong("kty");
    if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) wrong("use");
    if (jwk.key_ops !== undefined) {
      const operations = new Set(jwk.key_ops);
      const isRepeated = operations.size < jwk.key_ops.length;
      if (isRepeated || !usages.every((usage) => operations.has(usage))) wrong("key_ops");
    }
    if (jwk.ext === false && extractable) wrong("ext");
  };
  // Algorithms without a name of their own take any.
  const checkAlg = (jwk, ...allowed) => {
    if (jwk.alg !== undefined && allowed.length > 0 && !allowed.includes(jwk.alg)) {
      fail("DataError", "alg of the JSON Web Key is another");
    }
  };
  const noFormat = (format, name) =>
    fail("NotSupportedError", `a key for ${name} has no format ${format} here`);

  // A key before it is a CryptoKey: its type, algorithm, usages and handle.
  const secret = (algorithm, usages, handle) => ({ type: "secret", algorithm, usages, handle });
  const randomBytes = (length) => {
    const bytes = new Uint8Array(length);
    // In pieces as `getRandomValues` takes them.
    for (let at = 0; at < length; at += 65536) native.random(bytes.subarray(at, at + 65536));
    return bytes;
  };

  // The bytes of a secret key, and of a JSON Web Key what else it says.
  const secretBytes = (format, data, name, use, extractable, usages) => {
    if (format === "raw") return data;
    if (format !== "jwk") noFormat(format, name);
    checkJwk(data, "oct", use, extractable, usages);
    return fromBase64(data.k, "k");
  };
  const exportSecret = (format, { handle, algorithm }, alg) => {
    if (format === "raw") return handle.slice();
    if (format !== "jwk") noFormat(format, algorithm.name);
    return { kty: "oct", k: toBase64(handle), alg };
  };

  const hmac = {
    lengthOf({ hash, length = BLOCK_BITS[hash] }) {
      if (length === 0) throw new TypeError("a key for HMAC has at least one bit");
      return length;
    },
    generate({ name, hash, length = BLOCK_BITS[hash] }, usages) {
      checkUsages(usages, ["sign", "verify"], "a key for HMAC");
      if (length === 0) fail("OperationError", "a key for HMAC has at least one bit");
      return secret({ name, hash: { name: hash }, length }, usages, hmac.cut(randomBytes(Math.ceil(length / 8)), length));
    },
    // Bits beyond the length are none of the key's.
    cut(bytes, length) {
      if (length % 8 !== 0) bytes[bytes.length - 1] &= 0xff << 8 - length % 8;
      return bytes;
    },
    import({ name, hash, length }, format, data, extractable, usages) {
      checkUsages(usages, ["sign", "verify"], "a key for HMAC");
      const bytes = secretBytes(format, data, name, "sig", extractable, usages);
      if (format === "jwk") checkAlg(data, `HS${hash.slice(4)}`);
      const bits = bytes.length * 8;
      if (bits === 0) fail("DataError", "a key for HMAC has at least one bit");
      if (length !== undefined && (length > bits || length <= bits - 8)) {
        fail("DataError", `the key has ${bits} bits, not ${length}`);
      }
      length ??= bits;
      return secret({ name, hash: { name: hash }, length }, usages, hmac.cut(bytes, length));
    },
    export: (format, key) => exportSecret(format, key, `HS${key.algorithm.hash.name.slice(4)}`),
  };

  const AES_USAGES = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
  const aes = (allowed) => ({
    lengthOf({ length }) {
      if (![128, 192, 256].includes(length)) fail("OperationError", "an AES key has 128, 192 or 256 bits");
      return length;
    },
    generate({ name, length }, usages) {
      checkUsages(usages, allowed, `a key for ${name}`);
      this.lengthOf({ length });
      return secret({ name, length }, usages, randomBytes(length / 8));
    },
    import({ name }, format, data, extractable, usages) {
      checkUsages(usages, allowed, `a key for ${name}`);
      const bytes = secretBytes(format, data, name, "enc", extractable, usages);
      const length = bytes.length * 8;
      if (![128, 192, 256].includes(length)) fail("DataError", "an AES key has 128, 192 or 256 bits");
      if (format === "jwk") checkAlg(data, `A${length}${name.slice(4)}`);
      return secret({ name, length }, usages, bytes);
    },
    export: (format, key) =>
      exportSecret(format, key, `A${key.algorithm.length}${key.algorithm.name.slice(4)}`),
  });

  // What other keys are derived from.
  const source = {
    lengthOf: () => null,
    import({ name }, format, data, extractable, usages) {
      if (format !== "raw") noFormat(format, name);
      checkUsages(usages, ["deriveKey", "deriveBits"], `a key for ${name}`);
      if (extractable) fail("SyntaxError", `a key for ${name} cannot be extractable`);
      return secret({ name }, usages, data);
    },
  };

  const CURVES = ["P-256", "P-384", "P-521"];
  const SIGNATURE = { public: ["verify"], private: ["sign"], use: "sig" };
  const ENCRYPTION = { public: ["encrypt", "wrapKey"], private: ["decrypt", "unwrapKey"], use: "enc" };
  const AGREEMENT = { public: [], private: ["deriveKey", "deriveBits"], use: "enc" };

  // A kind of pairs of keys: what the server calls it (`keyName`), what CryptoKey shows of it (`algorithmOf`),
  // and its JSON Web Keys: their `kty` and the names of its numbers, those of a private key last (`parts`).
  const pairs = ({ usagesOf, keyName, algorithmOf, kty, parts, publicParts, checkParameters, algs }) => ({
    async generate(parameters, usages) {
      const { name } = parameters;
      checkUsages(usages, [...usagesOf.public, ...usagesOf.private], `a key for ${name}`);
      checkParameters(parameters, true);
      if (!usages.some((usage) => usagesOf.private.includes(usage))) {
        fail("SyntaxError", "a private key must have a usage");
      }
      const bits = parameters.modulusLength === undefined ? "" : ` ${parameters.modulusLength}`;
      const [privateHandle, publicHandle] = fieldsOf(await run(`generate ${keyName(parameters)}${bits}`));
      const algorithm = await algorithmOf(parameters, publicHandle);
      const half = (type, handle) => ({
        type,
        algorithm,
        usages: usages.filter((usage) => usagesOf[type].includes(usage)),
        handle,
      });
      return { publicKey: half("public", publicHandle), privateKey: half("private", privateHandle) };
    },
    async import(parameters, format, data, extractable, usages) {
      const { name } = parameters;
      const type = format === "pkcs8" || (format === "jwk" && data.d !== undefined) ? "private" : "public";
      if (format === "raw" && kty === "RSA") noFormat(format, name);
      checkUsages(usages, usagesOf[type], `a ${type} key for ${name}`);
      let fields = [data];
      if (format === "jwk") {
        checkJwk(data, kty, usagesOf.use, extractable, usages);
        if (data.oth !== undefined) fail("NotSupportedError", "an RSA key has two primes here");
        if (parameters.namedCurve !== undefined || kty === "OKP") {
          if (data.crv !== (parameters.namedCurve ?? name)) fail("DataError", "crv of the JSON Web Key is another");
        }
        checkAlg(data, ...algs(parameters));
        const names = type === "private" ? parts : publicParts;
        fields = names.map((part) => fromBase64(data[part], part));
      }
      checkParameters(parameters, false);
      const handle = await run(`import ${format === "jwk" ? type : format} ${keyName(parameters)}`, ...fields);
      const algorithm = await algorithmOf(parameters, handle, type);
      return { type, algorithm, usages, handle };
    },
    async export(format, { type, algorithm, handle }) {
      const parameters = { name: algorithm.name, namedCurve: algorithm.namedCurve };
      if (format === "raw" && kty === "RSA") noFormat(format, algorithm.name);
      if (format !== "jwk") {
        const wanted = format === "pkcs8" ? "private" : "public";
        if (type !== wanted) fail("InvalidAccessError", `only a ${wanted} key has the format ${format}`);
        return run(`export ${format} ${keyName(parameters)}`, handle);
      }
      const fields = fieldsOf(await run(`export ${type} ${keyName(parameters)}`, handle));
      const names = type === "private" ? parts : publicParts;
      const jwk = { kty };
      if (kty !== "RSA") jwk.crv = algorithm.namedCurve ?? algorithm.name;
      // That of an elliptic curve says nothing that the curve does not.
      const [alg] = algs({ ...parameters, hash: algorithm.hash?.name });
      if (alg !== undefined && kty !== "EC") jwk.alg = alg;
      names.forEach((part, index) => {
        jwk[part] = toBase64(fields[index]);
      });
      return jwk;
    },
  });

  const PUBLIC_EXPONENT = [1, 0, 1];
  const withoutZeros = (bytes) => bytes.slice(bytes.findIndex((byte) => byte !== 0) >>> 0);
  const rsa = (usagesOf, algOf) => pairs({
    usagesOf,
    keyName: () => "RSA",
    async algorithmOf({ name, hash }, handle, type = "public") {
      const [n, publicExponent] = fieldsOf(await run(`export ${type} RSA`, handle));
      const modulusLength = n.length * 8 - Math.clz32(n[0]) + 24;
      return { name, modulusLength, publicExponent, hash: { name: hash } };
    },
    kty: "RSA",
    parts: ["n", "e", "d", "p", "q", "dp", "dq", "qi"],
    publicParts: ["n", "e"],
    algs: ({ hash }) => [algOf(hash.slice(4))],
    checkParameters({ publicExponent }, isNew) {
      if (!isNew || `${withoutZeros(publicExponent)}` === `${PUBLIC_EXPONENT}`) return;
      if (`${withoutZeros(publicExponent)}` !== "3") fail("OperationError", "that is no public exponent");
      fail("NotSupportedError", "the public exponent of a new RSA key is 65,537 here");
    },
  });

  const ec = (usagesOf) => pairs({
    usagesOf,
    keyName: ({ namedCurve }) => namedCurve,
    algorithmOf: ({ name, namedCurve }) => ({ name, namedCurve }),
    kty: "EC",
    parts: ["x", "y", "d"],
    publicParts: ["x", "y"],
    algs: ({ name, namedCurve }) =>
      name === "ECDSA" ? [{ "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" }[namedCurve]] : [],
    checkParameters({ namedCurve }) {
      if (!CURVES.includes(namedCurve)) fail("NotSupportedError", `there is no curve ${namedCurve} here`);
    },
  });

  const curve25519 = (usagesOf, ...algs) => pairs({
    usagesOf,
    keyName: ({ name }) => name,
    algorithmOf: ({ name }) => ({ name }),
    kty: "OKP",
    parts: ["x", "d"],
    publicParts: ["x"],
    algs: () => algs,
    checkParameters() {},
  });

  internals.keysFor = {
    "HMAC": hmac,
    "AES-GCM": aes(AES_USAGES),
    "AES-CBC": aes(AES_USAGES),
    "AES-CTR": aes(AES_USAGES),
    "AES-KW": aes(["wrapKey", "unwrapKey"]),
    "HKDF": source,
    "PBKDF2": source,
    "RSASSA-PKCS1-v1_5": rsa(SIGNATURE, (bits) => `RS${bits}`),
    "RSA-PSS": rsa(SIGNATURE, (bits) => `PS${bits}`),
    "RSA-OAEP": rsa(ENCRYPTION, (bits) => (bits === "1" ? "RSA-OAEP" : `RSA-OAEP-${bits}`)),
    "ECDSA": ec(SIGNATURE),
    "ECDH": ec(AGREEMENT),
    "Ed25519": curve25519(SIGNATURE, "Ed25519", "EdDSA"),
    "X25519": curve25519(AGREEMENT),
  };
})
