// JSON for the host, which takes no lone surrogates: each is U+FFFD there, as in what a WebSocket sends.

// A backslash before it would make the letters behind plain text.
const ESCAPED = /\\(?:\\|ud[89a-f][0-9a-f]{2})/g;

/** The JSON of a value. `JSON.stringify` escapes surrogates that are alone, and only those. */
export function wellFormed(value: unknown): string {
  const json = JSON.stringify(value);
  return json.includes("\\ud") ? json.replace(ESCAPED, (escaped) => (escaped === "\\\\" ? escaped : "\\ufffd")) : json;
}
