// Noughts and crosses: its rules, and nothing of rooms and connections.

export type Mark = "X" | "O";

export interface Game {
  /** Nine cells, row by row. */
  cells: (Mark | null)[];
  /** Whose turn it is. */
  next: Mark;
}

export const START: Game = { cells: Array<null>(9).fill(null), next: "X" };

const LINES = [
  [0, 1, 2], [3, 4, 5], [6, 7, 8],
  [0, 3, 6], [1, 4, 7], [2, 5, 8],
  [0, 4, 8], [2, 4, 6],
] as const;

/** The game after a mark, or nothing if it is not allowed there or now. */
export function mark(game: Game, by: Mark, cell: number): Game | undefined {
  if (game.next !== by || game.cells[cell] !== null) return undefined;
  return { cells: game.cells.with(cell, by), next: by === "X" ? "O" : "X" };
}

/** Who has won; null if nobody can any more, and nothing while the game goes on. */
export function winnerOf({ cells }: Game): Mark | null | undefined {
  for (const [a, b, c] of LINES) {
    const first = cells[a];
    if (first && first === cells[b] && first === cells[c]) return first;
  }
  return cells.includes(null) ? undefined : null;
}
