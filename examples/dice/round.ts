// The rules of the game.

import { getWebSockets } from "zigttp:websocket";
import { keep, playerOf } from "./player.ts";

const ROUNDS_TO_WIN = 5;

export function rollDice(): number[] {
  return [die(), die()];
}

export function sum(roll: number[]): number {
  return roll.reduce((total, die) => total + die, 0);
}

/** Ends the round of a table if everybody has rolled, and says who has won it. */
export function settle(room: string): string | undefined {
  const seats = getWebSockets(room).map((ws) => ({ ws, player: playerOf(ws) }));
  if (!seats.every(({ player }) => player.hasRolled)) return undefined;
  const best = Math.max(...seats.map(({ player }) => sum(player.roll)));
  const winners = seats.filter(({ player }) => sum(player.roll) === best);
  // Who has been left alone has nobody to win against.
  const winner = seats.length > 1 && winners.length === 1 ? winners[0]!.player : undefined;
  if (winner !== undefined) winner.score += 1;
  const isOver = winner?.score === ROUNDS_TO_WIN;
  for (const { ws, player } of seats) {
    keep(ws, { ...player, score: isOver ? 0 : player.score, hasRolled: false });
  }
  if (seats.length < 2) return undefined;
  if (winner === undefined) return `Twice ${best} or more often: nobody wins the round.`;
  return isOver ? `${winner.name} wins the game!` : `${winner.name} wins the round with ${best}.`;
}

function die(): number {
  // 252 is the largest multiple of 6 in a byte; with more, some numbers would come more often.
  const byte = crypto.getRandomValues(new Uint8Array(1))[0]!;
  return byte < 252 ? byte % 6 + 1 : die();
}
