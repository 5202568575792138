// What clients may send. Whatever comes from outside is checked once, here, and has a type from then on.

import { type Point, SIZE } from "./field.ts";

/** Where a player aims, such as {"x":500,"y":20}. */
export function parse(data: string | ArrayBuffer): Point | undefined {
  const { x, y } = json(data);
  return isCoordinate(x) && isCoordinate(y) ? { x, y } : undefined;
}

function json(data: string | ArrayBuffer): Record<string, unknown> {
  try {
    return typeof data === "string" ? Object(JSON.parse(data)) : {};
  } catch {
    return {};
  }
}

function isCoordinate(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= SIZE;
}
