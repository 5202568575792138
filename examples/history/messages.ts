// What clients may say. Whatever comes from outside is checked once, here, and has a type from then on.

export type FromClient =
  | { type: "say"; text: string }
  | { type: "earlier"; before: number };

const MAX_TEXT = 500;

/** The message in a frame, if it is one. */
export function parse(data: string | ArrayBuffer): FromClient | undefined {
  const { type, text, before } = json(data);
  switch (type) {
    case "say":
      return isText(text) ? { type, text: text.trim() } : undefined;
    case "earlier":
      return isId(before) ? { type, before } : undefined;
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

/** Half a character ("\ud83d") cannot be stored as text, so it is no text here. */
function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "" && value.length <= MAX_TEXT && value.isWellFormed();
}

function isId(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 1e12;
}
