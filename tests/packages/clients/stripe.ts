// A message `ADDRESS TEXT` asks the double of the service at that address; the sender gets what it made of the answer.
import Stripe from "stripe";
import { send } from "zigttp:websocket";

export async function onMessage(ws: WebSocket, data: string) {
  const [address, text] = data.split(" ");
  const { hostname, port } = new URL(address);
  const client = new Stripe("sk_test_double", { host: hostname, port, protocol: "http" });
  const { id, name } = await client.customers.create({ name: text });
  send(ws, `${id} ${name}`);
}
