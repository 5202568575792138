// The issuer's public keys, kept in the room for ten minutes: one fetch a room, not one a connection.

import type { JSONWebKeySet } from "jose";
import * as storage from "zigttp:storage";

const KEPT = 10 * 60_000;
/** Keys are asked for again when a token names one that is not among them, but not for each such token. */
const AT_MOST_EACH = 60_000;

interface Kept {
  set: { keys: { [name: string]: string }[] };
  at: number;
}

/** The keys, among which there is one of this name if the issuer has one. */
export async function issuerKeys(room: string, url: string, kid?: string): Promise<JSONWebKeySet> {
  const kept = storage.get<Kept>(room, "keys");
  if (kept !== undefined) {
    const isThere = kid === undefined || kept.set.keys.some((key) => key.kid === kid);
    if (isThere || Date.now() - kept.at < AT_MOST_EACH) return kept.set as unknown as JSONWebKeySet;
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the issuer's keys are not to be had: ${response.status}`);
  const set = await response.json();
  storage.put(room, "keys", { set, at: Date.now() } satisfies Kept, { ttl: KEPT });
  return set;
}
