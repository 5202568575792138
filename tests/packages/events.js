// Emitters and streams of values: what they are given at the top level runs in events.
import mitt from "mitt";
import { Subject, filter, map } from "rxjs";

let heard;
const emitter = mitt();
emitter.on("*", (name, value) => heard.push([name, value]));
const numbers = new Subject();
numbers.pipe(filter((it) => it % 2 === 0), map((it) => it * 10)).subscribe((it) => heard.push(it));

export function handler() {
  heard = [];
  emitter.emit("told", 1);
  for (const number of [1, 2, 3, 4]) numbers.next(number);
  return Response.json(heard);
}
