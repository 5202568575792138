import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import * as awareness from "y-protocols/awareness";
import * as sync from "y-protocols/sync";
import * as Y from "yjs";

export function handler() {
  const [one, two] = [new Y.Doc(), new Y.Doc()];
  one.getText("text").insert(0, "Hello");
  one.getMap("map").set("answer", 42);
  two.getText("text").insert(0, "World ");
  // Both sides of the protocol, as a server and a browser speak it.
  const ask = encoding.createEncoder();
  sync.writeSyncStep1(ask, two);
  const answer = encoding.createEncoder();
  sync.readSyncMessage(decoding.createDecoder(encoding.toUint8Array(ask)), answer, one, null);
  sync.readSyncMessage(decoding.createDecoder(encoding.toUint8Array(answer)), encoding.createEncoder(), two, null);
  const text = two.getText("text").toString();
  return Response.json({
    hasBoth: text.includes("Hello") && text.includes("World "),
    map: two.getMap("map").toJSON(),
    awareness: typeof awareness.encodeAwarenessUpdate,
  });
}
