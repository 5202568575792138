// What is sold in a room: the lot, a key for each bid, and a timer, "end".
//
// The end of an auction is nowhere but in its timer: a late bid moves it, and `signalTime` tells it to
// whoever asks.

import { signalAt, signalTime } from "zigttp:durable";
import * as storage from "zigttp:storage";
import type { Bid, Offer } from "./messages.ts";

interface Lot {
  item: string;
  /** The highest bid, or what the first one has to be. */
  price: number;
  /** Who has made the highest bid. */
  leader?: string;
  bids: number;
  /** In milliseconds. */
  overtime: number;
  isOver: boolean;
  /** The list of results could not be told. */
  isUntold?: boolean;
}

/** What everybody may know of a lot. */
export interface View {
  item: string;
  price: number;
  leader?: string;
  bids: number;
  isOver: boolean;
  isUntold?: boolean;
  /** Milliseconds until the end. */
  left: number;
  /** The last bids, the newest first. */
  latest: Bid[];
}

const BIDS_SHOWN = 10;

/** Opens an auction; false if there is one already. */
export function open(room: string, { item, price, seconds, overtime }: Offer): boolean {
  if (storage.get(room, "lot") !== undefined) return false;
  const lot: Lot = { item, price, bids: 0, overtime: overtime * 1000, isOver: false };
  storage.put(room, "lot", lot);
  signalAt(room, "end", Date.now() + seconds * 1000);
  return true;
}

/**
 * Makes a bid; says why it is refused, if it is.
 *
 * It does not matter how a bid has come: the events of a room run one at a time, so of two that are
 * equal the first one counts, and none counts after the end.
 */
export function place(room: string, { name, amount }: Bid): string | undefined {
  const lot = storage.get<Lot>(room, "lot");
  if (lot === undefined) return "there is no such auction";
  const now = Date.now();
  const end = signalTime(room, "end") ?? 0;
  if (lot.isOver || end <= now) return "the auction is over";
  const least = lot.bids === 0 ? lot.price : lot.price + 1;
  if (amount < least) return `a bid has to be ${least} at least`;
  const bids = lot.bids + 1;
  storage.put(room, `bid/${String(bids).padStart(9, "0")}`, { name, amount });
  storage.put(room, "lot", { ...lot, price: amount, leader: name, bids });
  // Time for the others to think about it. The same name replaces the timer.
  if (end < now + lot.overtime) signalAt(room, "end", now + lot.overtime);
  return undefined;
}

/** Ends an auction: how it ended. */
export function end(room: string): View | undefined {
  change(room, { isOver: true });
  return viewOf(room);
}

/** Remembers that the list of results does not have this one. */
export function markUntold(room: string) {
  change(room, { isUntold: true });
}

export function viewOf(room: string): View | undefined {
  const lot = storage.get<Lot>(room, "lot");
  if (lot === undefined) return undefined;
  const { overtime, ...shown } = lot;
  const left = Math.max(0, (signalTime(room, "end") ?? 0) - Date.now());
  const bids = storage.list<Bid>(room, { prefix: "bid/", reverse: true, limit: BIDS_SHOWN });
  return { ...shown, left, latest: bids.map(([, bid]) => bid) };
}

function change(room: string, changed: Partial<Lot>) {
  const lot = storage.get<Lot>(room, "lot");
  if (lot !== undefined) storage.put(room, "lot", { ...lot, ...changed });
}
