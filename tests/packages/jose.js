import {
  CompactEncrypt, compactDecrypt, createLocalJWKSet, decodeProtectedHeader, exportJWK, generateKeyPair, importJWK, importPKCS8,
  importSPKI, exportPKCS8, exportSPKI, jwtVerify, SignJWT,
} from "jose";

const NOW = new Date("2026-01-01T00:00:00Z");

const sign = (alg, key, kid) =>
  new SignJWT({ room: "/room/7" })
    .setProtectedHeader({ alg, kid })
    .setSubject("ada")
    .setIssuedAt(NOW)
    .setExpirationTime(new Date("2026-01-01T01:00:00Z"))
    .sign(key);

export async function handler() {
  const answers = {};
  const secret = new TextEncoder().encode("a secret of at least 32 bytes, for HS256");
  answers.HS256 = await sign("HS256", secret);
  answers.verified = (await jwtVerify(answers.HS256, secret, { currentDate: NOW })).payload;
  answers.late = await jwtVerify(answers.HS256, secret, { currentDate: new Date("2027-01-01") }).catch((error) => error.code);
  answers.other = await jwtVerify(answers.HS256, new Uint8Array(32), { currentDate: NOW }).catch((error) => error.code);
  for (const alg of ["RS256", "PS256", "ES256", "ES384", "EdDSA"]) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), alg, kid: alg };
    const keys = createLocalJWKSet({ keys: [jwk] });
    const again = await importPKCS8(await exportPKCS8(privateKey), alg);
    const token = await sign(alg, again, alg);
    const { payload, protectedHeader } = await jwtVerify(token, keys, { currentDate: NOW, subject: "ada" });
    const spki = await importSPKI(await exportSPKI(publicKey), alg);
    const changed = token.slice(0, -4) + (token.endsWith("AAAA") ? "BBBB" : "AAAA");
    answers[alg] = [
      decodeProtectedHeader(token),
      payload.room,
      protectedHeader.kid,
      (await jwtVerify(token, spki, { currentDate: NOW })).payload.sub,
      await jwtVerify(changed, keys, { currentDate: NOW }).catch((error) => error.code),
      Object.keys(jwk).sort(),
    ];
  }
  const key = await importJWK({ kty: "oct", k: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" }, "A256GCM");
  const sealed = await new CompactEncrypt(secret).setProtectedHeader({ alg: "dir", enc: "A256GCM" }).encrypt(key);
  answers.opened = new TextDecoder().decode((await compactDecrypt(sealed, key)).plaintext);
  return Response.json(answers);
}
