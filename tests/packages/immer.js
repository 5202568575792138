import { enableMapSet, enablePatches, produce, produceWithPatches } from "immer";

enableMapSet();
enablePatches();

export function handler() {
  const before = { players: [{ name: "Ann", score: 1 }], seen: new Map([["a", 1]]) };
  const after = produce(before, (draft) => {
    draft.players[0].score += 1;
    draft.players.push({ name: "Bob", score: 0 });
    draft.seen.set("b", 2);
  });
  const [, patches] = produceWithPatches(before.players, (draft) => void draft.push({ name: "Cy", score: 5 }));
  return Response.json({ before: before.players, after: after.players, seen: [...after.seen], patches });
}
