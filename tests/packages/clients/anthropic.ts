// A message `ADDRESS TEXT` asks the double of the service at that address; the sender gets what it made of the answer.
import Anthropic from "@anthropic-ai/sdk";
import { send } from "zigttp:websocket";

export async function onMessage(ws: WebSocket, data: string) {
  const [address, text] = data.split(" ");
  const client = new Anthropic({ apiKey: "sk-ant-test", baseURL: address });
  const { content } = await client.messages.create({
    model: "claude-test",
    max_tokens: 100,
    messages: [{ role: "user", content: text }],
  });
  send(ws, content.map((block) => (block.type === "text" ? block.text : "")).join(""));
}
