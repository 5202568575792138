// A quiz with countdowns. Its room keeps the question, the answers, the scores and the time; who comes
// late or comes back is told all of it, and a restart of the server is an interruption, not the end.
//
// Nobody has to be there for the next question to come: a timer of the room brings it (`game.ts`).

import { signalAt } from "zigttp:durable";
import * as storage from "zigttp:storage";
import { close, deserializeAttachment, getWebSockets, send } from "zigttp:websocket";
import { NEXT, answer, gameOf, goOn, questionOf, start, timeLeft } from "./game.ts";
import { parse } from "./messages.ts";
import { page } from "./page.ts";
import { answersIn, join, playersOf } from "./players.ts";
import { QUESTIONS } from "./questions.ts";

export const routes = ["/quiz/:name"];

const MAX_NAME = 24;
const DAY = 24 * 60 * 60 * 1000;

interface Member {
  /** The id of the player. */
  id: string;
}

/** Who comes says a name, and who comes back the id: /quiz/friday?name=Ada&player=ID. */
export function onUpgrade(req: Request, room: string): Member | Response {
  const query = new URLSearchParams(req.query);
  const known = query.get("player");
  if (known !== null && playersOf(room).has(known)) return { id: known };
  const name = query.get("name")?.trim() ?? "";
  if (name === "" || name.length > MAX_NAME) {
    const what = `say who you are, with ?name= and at most ${MAX_NAME} characters\n`;
    return Response.text(what, { status: 400 });
  }
  const id = join(room, name);
  return id === undefined ? Response.text("the quiz is full\n", { status: 409 }) : { id };
}

export function onOpen(ws: WebSocket, url: string, room: string) {
  // A quiz that nobody has opened for a day is forgotten.
  signalAt(room, "forget", Date.now() + DAY);
  tell(room);
}

export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  const message = parse(data);
  if (message === undefined) {
    close(ws, 1008, "not a message of this example");
    return;
  }
  const game = gameOf(room);
  if (message.step !== game.step) return;
  const isHost = ws === getWebSockets(room)[0];
  if (message.type === "answer") {
    answer(room, game, playerOf(ws), message.choice);
    goOnIfAllHaveAnswered(room);
  } else if (isHost && message.type === "start") {
    start(room, game, message.pace);
  } else if (isHost && questionOf(game) !== undefined) {
    goOn(room);
  }
  tell(room);
}

export function onSignal(room: string, name: string) {
  if (name === NEXT) {
    goOn(room);
    tell(room);
  } else if (getWebSockets(room).length > 0) {
    signalAt(room, "forget", Date.now() + DAY);
  } else {
    storage.deleteAll(room);
  }
}

export function onClose(ws: WebSocket, code: number, reason: string, room: string) {
  // The others may have waited for this one alone.
  goOnIfAllHaveAnswered(room);
  tell(room);
}

export function handler(req: Request) {
  if (req.path === "/") return Response.html(page);
  return Response.text("not found\n", { status: 404 });
}

function playerOf(ws: WebSocket): string {
  return deserializeAttachment<Member>(ws)?.id ?? "";
}

function goOnIfAllHaveAnswered(room: string) {
  if (gameOf(room).phase !== "question") return;
  const here = getWebSockets(room).map(playerOf);
  const answers = answersIn(room);
  if (here.length > 0 && here.every((id) => answers.has(id))) goOn(room);
}

/** Tells each member how things are. The host is who has been here longest. */
function tell(room: string) {
  const members = getWebSockets(room);
  const here = members.map(playerOf);
  const players = [...playersOf(room)];
  const answers = answersIn(room);
  const game = gameOf(room);
  const question = questionOf(game);
  const isSolved = game.phase === "solution";
  const news = {
    phase: game.phase,
    step: game.step,
    number: "number" in game ? game.number + 1 : 0,
    of: QUESTIONS.length,
    text: question?.text,
    choices: question?.choices,
    right: isSolved ? question?.right : undefined,
    left: timeLeft(room),
    players: players.map(([id, { name, score }]) => ({
      name,
      score,
      isHere: here.includes(id),
      hasAnswered: answers.has(id),
      gained: isSolved ? answers.get(id)?.points : undefined,
    })),
  };
  for (const [index, ws] of members.entries()) {
    const id = here[index]!;
    const you = {
      // Says who this is when the page comes back. The others are not told.
      id,
      player: players.findIndex(([other]) => other === id),
      isHost: index === 0,
      choice: answers.get(id)?.choice,
    };
    send(ws, JSON.stringify({ ...news, you }));
  }
}
