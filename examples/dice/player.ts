// Who sits where, with what score: the attachment of a connection.

import { deserializeAttachment, getWebSockets, serializeAttachment } from "zigttp:websocket";

export interface Player {
  name: string;
  /** The path of the lobby or table. */
  room: string;
  /** Rounds won. */
  score: number;
  /** The last roll, which stays to be seen after its round; empty before the first. */
  roll: number[];
  /** Whether it is of the round that is being played. */
  hasRolled: boolean;
}

/** A player who has just come, as an attachment. */
export function newPlayer(name: string, room: string): Player {
  return { name, room, score: 0, roll: [], hasRolled: false };
}

export function playerOf(ws: WebSocket): Player {
  return deserializeAttachment<Player>(ws)!;
}

export function playersAt(room: string): Player[] {
  return getWebSockets(room).map(playerOf);
}

export function keep(ws: WebSocket, player: Player) {
  serializeAttachment(ws, player);
}
