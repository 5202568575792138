// What clients may say. Whatever comes from outside is checked once, here, and has a type from then on.

export type FromClient =
  | { type: "join"; name: string; status: string }
  | { type: "status"; status: string }
  | { type: "typing"; typing: boolean };

const MAX_NAME = 40;
const MAX_STATUS = 140;

/** The message in a frame, if it is one. */
export function parse(data: string | ArrayBuffer): FromClient | undefined {
  const value = json(data);
  switch (value?.type) {
    case "join": {
      const name = text(value.name, MAX_NAME);
      return name ? { type: "join", name, status: text(value.status, MAX_STATUS) } : undefined;
    }
    case "status":
      return { type: "status", status: text(value.status, MAX_STATUS) };
    case "typing":
      return { type: "typing", typing: value.typing === true };
    default:
      return undefined;
  }
}

function json(data: string | ArrayBuffer): Record<string, unknown> | undefined {
  if (typeof data !== "string") return undefined;
  try {
    return Object(JSON.parse(data));
  } catch {
    return undefined;
  }
}

function text(value: unknown, max: number): string {
  return typeof value === "string" ? value.trim().slice(0, max) : "";
}
