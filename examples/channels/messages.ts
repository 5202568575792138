// What clients may ask for: `[event, data]`, or `[event, data, number]` where they wait for an acknowledgement with that
// number. Whatever comes from outside is checked once, here, and has a type from then on.

export type Asked =
  | { event: "join" | "leave"; channel: string }
  | { event: "say"; channel: string; text: string };

const CHANNEL = /^[\p{L}\p{N} _-]{1,40}$/u;
const MAX_TEXT = 500;

/** What a frame asks for, if it is one, and the number of its acknowledgement. */
export function parse(data: string | ArrayBuffer): { asked: Asked; ack: number | undefined } | undefined {
  const [event, given, ack] = json(data);
  const { channel, text } = Object(given);
  if (typeof channel !== "string" || !CHANNEL.test(channel)) return undefined;
  if (ack !== undefined && !(Number.isSafeInteger(ack) && ack >= 0)) return undefined;
  switch (event) {
    case "join":
    case "leave":
      return { asked: { event, channel }, ack };
    case "say":
      return isText(text) ? { asked: { event, channel, text: text.trim() }, ack } : undefined;
    default:
      return undefined;
  }
}

function json(data: string | ArrayBuffer): any[] {
  try {
    const parsed: unknown = typeof data === "string" ? JSON.parse(data) : undefined;
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "" && value.length <= MAX_TEXT && value.isWellFormed();
}
