import { Chess } from "chess.js";

export function handler() {
  const game = new Chess();
  for (const move of ["e4", "e5", "Qh5", "Nc6", "Bc4", "Nf6", "Qxf7#"]) game.move(move);
  return Response.json({ pgn: game.pgn(), fen: game.fen(), over: game.isCheckmate(), moves: new Chess().moves() });
}
