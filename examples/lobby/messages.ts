// What clients may ask for. Whatever comes from outside is checked once, here, and has a type from then on.

export type Message = { type: "play" } | { type: "mark"; cell: number };

/** A message such as {"type":"mark","cell":4}. */
export function parse(data: string | ArrayBuffer): Message | undefined {
  const { type, cell } = json(data);
  switch (type) {
    case "play":
      return { type };
    case "mark":
      return isCell(cell) ? { type, cell } : undefined;
    default:
      return undefined;
  }
}

function json(data: string | ArrayBuffer): Record<string, unknown> {
  try {
    return typeof data === "string" ? Object(JSON.parse(data)) : {};
  } catch {
    return {};
  }
}

function isCell(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 9;
}
