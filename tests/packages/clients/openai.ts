// A message `ADDRESS TEXT` asks the double of the service at that address; the sender gets what it made of the answer.
import OpenAI from "openai";
import { send } from "zigttp:websocket";

export async function onMessage(ws: WebSocket, data: string) {
  const [address, text] = data.split(" ");
  const client = new OpenAI({ apiKey: "sk-test", baseURL: `${address}/v1` });
  const { choices } = await client.chat.completions.create({
    model: "gpt-test",
    messages: [{ role: "user", content: text }],
  });
  send(ws, `${choices[0].message.content}`);
}
