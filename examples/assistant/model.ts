// How a model is asked, and what its answer says: OpenAI's chat completions, which many servers speak.

import { env } from "zigttp:env";
import type { StreamInit } from "zigttp:durable";
import type { Message } from "./conversation.ts";

/** Where questions go. */
export function completions(): string {
  return `${env("OPENAI_BASE_URL") ?? "https://api.openai.com/v1"}/chat/completions`;
}

/** The request about a conversation that ends with a question. */
export function question(messages: Message[]): StreamInit {
  const model = env("OPENAI_MODEL") ?? "gpt-4o-mini";
  return {
    method: "POST",
    headers: {
      // Stored as the name of the setting, not as the key.
      "authorization": `Bearer ${env("OPENAI_API_KEY")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ model, messages, stream: true }),
  };
}

interface Chunk {
  choices?: { delta?: { content?: string | null } }[];
}

/** The words in one event of an answer. The last event is no JSON. */
export function textOf(data: string): string {
  if (data === "[DONE]") return "";
  const chunk: Chunk = JSON.parse(data);
  return chunk.choices?.[0]?.delta?.content ?? "";
}
