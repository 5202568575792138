// How a quiz goes on: a question, its solution, the next question, and so on until it is over.
//
// What makes it go on is one timer of the room, "next". Setting it again replaces it, so there is never
// a second one, whoever was faster: the clock, the last answer, or the host. The time that is left is
// the timer's own, so nothing has to be kept in step with it.

import { cancelSignal, signalAt, signalTime } from "zigttp:durable";
import * as storage from "zigttp:storage";
import type { Pace } from "./messages.ts";
import { countAnswers, forgetAnswers, forgetScores, keepAnswer } from "./players.ts";
import { QUESTIONS, type Question } from "./questions.ts";

/** Where a quiz is. Each change of it is a step. */
export type Game =
  | { phase: "lobby" | "over"; step: number }
  | { phase: "question" | "solution"; step: number; number: number; pace: Pace };

/** The name of the timer. */
export const NEXT = "next";

const LOBBY: Game = { phase: "lobby", step: 0 };

export function gameOf(room: string): Game {
  return storage.get<Game>(room, "game") ?? LOBBY;
}

/** The question that is open or has its solution shown. */
export function questionOf(game: Game): Question | undefined {
  return "number" in game ? QUESTIONS[game.number] : undefined;
}

/** How many milliseconds are left until the quiz goes on; undefined if it waits for its host. */
export function timeLeft(room: string): number | undefined {
  const next = signalTime(room, NEXT);
  return next === undefined ? undefined : Math.max(0, next - Date.now());
}

export function start(room: string, { phase, step }: Game, pace: Pace) {
  if (phase !== "lobby" && phase !== "over") return;
  forgetScores(room);
  ask(room, step + 1, 0, pace);
}

/** Goes on to what comes next: by the timer, or because nobody has to wait any longer. */
export function goOn(room: string) {
  const game = gameOf(room);
  if (game.phase === "question") {
    countAnswers(room);
    storage.put<Game>(room, "game", { ...game, phase: "solution", step: game.step + 1 });
    signalAt(room, NEXT, Date.now() + game.pace.solution * 1000);
  } else if (game.phase === "solution" && game.number + 1 < QUESTIONS.length) {
    ask(room, game.step + 1, game.number + 1, game.pace);
  } else {
    storage.put<Game>(room, "game", { phase: "over", step: game.step + 1 });
    cancelSignal(room, NEXT);
  }
}

/** A right answer is worth 50 points, and up to 50 more for being quick. */
export function answer(room: string, game: Game, player: string, choice: number) {
  const left = timeLeft(room);
  // The events of a room run one at a time: the answer is here before the timer, or it is too late.
  if (game.phase !== "question" || !left) return;
  const isRight = choice === QUESTIONS[game.number]?.right;
  const points = isRight ? 50 + Math.round((50 * left) / (game.pace.question * 1000)) : 0;
  keepAnswer(room, player, { choice, points });
}

function ask(room: string, step: number, number: number, pace: Pace) {
  forgetAnswers(room);
  storage.put<Game>(room, "game", { phase: "question", step, number, pace });
  signalAt(room, NEXT, Date.now() + pace.question * 1000);
}
