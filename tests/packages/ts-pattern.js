import { P, match } from "ts-pattern";

const describe = (message) =>
  match(message)
    .with({ type: "move", by: P.number }, ({ by }) => `moves by ${by}`)
    .with({ type: P.union("join", "leave"), name: P.string.minLength(2) }, ({ type, name }) => `${name} ${type}s`)
    .otherwise(() => "unknown");

export function handler() {
  const messages = [{ type: "move", by: 3 }, { type: "join", name: "Ann" }, { type: "join", name: "A" }, null];
  return Response.json(messages.map(describe));
}
