// What clients may ask for, over a WebSocket or over HTTP. Whatever comes from outside is checked once,
// here, and has a type from then on.

export interface Bid {
  name: string;
  amount: number;
}

export interface Offer {
  item: string;
  /** The least that the first bid has to be. */
  price: number;
  /** How long the auction runs, in seconds. */
  seconds: number;
  /** A bid in so many last seconds extends the auction by as many. */
  overtime: number;
}

const MAX_NAME = 40;
const MAX_ITEM = 80;
const MAX_AMOUNT = 1_000_000_000;
const MAX_SECONDS = 7 * 24 * 60 * 60;

/** A bid such as {"name":"Ada","amount":120}. */
export function parseBid(data: string | ArrayBuffer): Bid | undefined {
  const { name, amount } = json(data);
  if (!isText(name, MAX_NAME) || !isBetween(amount, 1, MAX_AMOUNT)) return undefined;
  return { name: name.trim(), amount };
}

/** An offer such as {"item":"Lamp","price":100,"seconds":60}. */
export function parseOffer(data: string): Offer | undefined {
  const { item, price = 1, seconds, overtime = 10 } = json(data);
  if (!isText(item, MAX_ITEM) || !isBetween(price, 1, MAX_AMOUNT)) return undefined;
  if (!isBetween(seconds, 1, MAX_SECONDS) || !isBetween(overtime, 0, 600)) return undefined;
  return { item: item.trim(), price, seconds, overtime };
}

function json(data: string | ArrayBuffer): Record<string, unknown> {
  try {
    return typeof data === "string" ? Object(JSON.parse(data)) : {};
  } catch {
    return {};
  }
}

/** Half a character ("\ud83d") cannot be stored as text, so it is no text here. */
function isText(value: unknown, max: number): value is string {
  return typeof value === "string" && value.trim() !== "" && value.length <= max && value.isWellFormed();
}

function isBetween(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
}
