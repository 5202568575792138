// What clients may say. Whatever comes from outside is checked once, here, and has a type from then on.

/**
 * A quiz counts its steps, and a message says which one its sender sees: what comes after the quiz has
 * gone on is not taken for an answer to the next question.
 */
export type FromClient =
  | { type: "start"; step: number; pace: Pace }
  | { type: "next"; step: number }
  | { type: "answer"; step: number; choice: number };

/** How long a question is open and how long its solution is shown, in seconds. */
export interface Pace {
  question: number;
  solution: number;
}

const MAX_SECONDS = 60;

/** The message in a frame, if it is one. */
export function parse(data: string | ArrayBuffer): FromClient | undefined {
  const { type, step, choice, pace } = json(data);
  if (!isNumber(step)) return undefined;
  switch (type) {
    case "start":
      return isPace(pace) ? { type, step, pace } : undefined;
    case "next":
      return { type, step };
    case "answer":
      return isNumber(choice) ? { type, step, choice } : undefined;
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

function isPace(value: unknown): value is Pace {
  const { question, solution } = Object(value);
  return [question, solution].every((it) => isNumber(it) && it >= 1 && it <= MAX_SECONDS);
}

function isNumber(value: unknown): value is number {
  return Number.isInteger(value);
}
