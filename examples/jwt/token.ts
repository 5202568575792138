// Whose token a request brings: `Authorization: Bearer …`, or `?token=…` from browsers, which can set no header.
//
// HS256 is verified with a secret that both sides know, RS256 with the public keys that the issuer publishes (a JSON Web
// Key Set). Which of them counts is decided by the settings here and never by the token alone.

import type { JWTPayload } from "jose";
import { decodeProtectedHeader } from "jose/decode/protected_header";
import { JOSEAlgNotAllowed, JOSEError, JWTInvalid } from "jose/errors";
import { createLocalJWKSet } from "jose/jwks/local";
import { jwtVerify } from "jose/jwt/verify";
import { env } from "zigttp:env";
import { issuerKeys } from "./keys.ts";

/** What a token says of its bearer. */
export interface Bearer {
  id: string;
  name: string;
}

/** The bearer of a request's token, or what is wrong with it. */
export async function bearerOf(req: Request, room: string): Promise<Bearer | string> {
  const token = tokenOf(req);
  if (token === undefined) return "bring a token";
  try {
    const { sub, name } = await verify(token, room);
    if (sub === undefined) return "the token does not say whose it is";
    return { id: sub, name: typeof name === "string" ? name : sub };
  } catch (error) {
    // What else is thrown, such as by a fetch that failed, is no fault of the token.
    if (error instanceof JOSEError) return error.message;
    throw error;
  }
}

function tokenOf(req: Request): string | undefined {
  const [scheme, token] = (req.headers.get("authorization") ?? "").split(" ");
  if (scheme?.toLowerCase() === "bearer" && token) return token;
  return new URLSearchParams(req.query).get("token") ?? undefined;
}

async function verify(token: string, room: string): Promise<JWTPayload> {
  const { alg, kid } = headerOf(token);
  const options = { issuer: env("JWT_ISSUER"), audience: env("JWT_AUDIENCE") };
  const [secret, keysUrl] = [env("JWT_SECRET"), env("JWKS_URL")];
  if (alg === "HS256" && secret !== undefined) {
    const key = new TextEncoder().encode(secret);
    return (await jwtVerify(token, key, { ...options, algorithms: ["HS256"] })).payload;
  }
  if (alg === "RS256" && keysUrl !== undefined) {
    const keys = createLocalJWKSet(await issuerKeys(room, keysUrl, kid));
    return (await jwtVerify(token, keys, { ...options, algorithms: ["RS256"] })).payload;
  }
  throw new JOSEAlgNotAllowed(`tokens with ${alg} do not count here`);
}

function headerOf(token: string): { alg?: string; kid?: string } {
  try {
    return decodeProtectedHeader(token);
  } catch {
    throw new JWTInvalid("that is no token");
  }
}
