// Who somebody is, as a token that is signed and can be verified without asking anybody:
//
//   name (percent-encoded) . when it ends (seconds since 1970) . HMAC-SHA-256 of both, in hex
//
// A browser carries it in a cookie that no script can read, a program in the header Authorization.

import { hmac } from "./hmac.ts";

// Yours to change: who knows it can be anybody. A backend that knows it can make tokens as well.
const SECRET = "change me before anybody else plays";

const COOKIE = "dice";
const SECONDS = 24 * 60 * 60;
const MAX_NAME = 24;

/** POST /login with {"name": "Ada"}. A real one would ask for more than a name here. */
export async function logIn(req: Request): Promise<Response> {
  const name = await nameIn(req);
  if (!name) {
    return Response.text(`a name has 1 to ${MAX_NAME} characters\n`, { status: 400 });
  }
  const claim = `${encodeURIComponent(name)}.${Math.floor(Date.now() / 1000) + SECONDS}`;
  const isSecure = req.headers.get("x-forwarded-proto") === "https";
  const cookie = `${COOKIE}=${claim}.${hmac(SECRET, claim)}; Path=/; Max-Age=${SECONDS}; ` +
    `HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}`;
  return Response.json({ name }, { headers: { "Set-Cookie": cookie } });
}

/** The name in a request's session, if it has a valid one. */
export function nameOf(req: Request): string | undefined {
  const token = bearer(req) ?? cookie(req);
  const [, claim, name, end, signature] = /^((.+)\.(\d+))\.([0-9a-f]{64})$/.exec(token ?? "") ?? [];
  if (claim === undefined || !isSame(hmac(SECRET, claim), signature!)) return undefined;
  return Number(end) * 1000 > Date.now() ? decodeURIComponent(name!) : undefined;
}

function bearer(req: Request): string | undefined {
  return /^Bearer (.+)$/.exec(req.headers.get("authorization") ?? "")?.[1];
}

function cookie(req: Request): string | undefined {
  const pairs = (req.headers.get("cookie") ?? "").split("; ");
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}

async function nameIn(req: Request): Promise<string | undefined> {
  try {
    const { name } = Object(await req.json());
    const trimmed = typeof name === "string" ? name.trim() : "";
    return trimmed.length <= MAX_NAME && trimmed.isWellFormed() ? trimmed : undefined;
  } catch {
    return undefined;
  }
}

/** Compares without telling by the time it takes how much was right. */
function isSame(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
