// What a client may say.

type Message = { type: "ask"; text: string } | { type: "stop" };

const MAX_TEXT = 4000;

/** The message in what a client has sent; `undefined` if it is none. */
export function parse(data: string | ArrayBuffer): Message | undefined {
  if (typeof data !== "string") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("type" in value)) return undefined;
  if (value.type === "stop") return { type: "stop" };
  if (value.type !== "ask" || !("text" in value) || typeof value.text !== "string") return undefined;
  const text = value.text.trim();
  // Half a character ("\ud83d") cannot be stored as text.
  return text === "" || text.length > MAX_TEXT || !text.isWellFormed() ? undefined : { type: "ask", text };
}
