// The field, 1000 by 1000: dots go where their players aim, and who reaches the coin gets a point. Nothing of rooms here.

export interface Point {
  x: number;
  y: number;
}

export interface Dot extends Point {
  /** Where it goes. */
  aim: Point;
  score: number;
}

export interface Field {
  dots: Map<string, Dot>;
  /** Nothing before the first step. */
  coin: Point | undefined;
}

export const SIZE = 1000;
/** How far a dot goes in a step, and how near to the coin is near enough. */
const STRIDE = 25;

export function newDot(score: number): Dot {
  const { x, y } = anywhere();
  return { x, y, aim: { x, y }, score };
}

/** The field a step later. */
export function step({ dots, coin = anywhere() }: Field): { dots: Map<string, Dot>; coin: Point } {
  const moved = new Map<string, Dot>();
  for (const [name, dot] of dots) {
    const { x, y } = towards(dot, dot.aim);
    const hasReached = Math.hypot(coin.x - x, coin.y - y) <= STRIDE;
    if (hasReached) coin = anywhere();
    moved.set(name, { ...dot, x, y, score: dot.score + (hasReached ? 1 : 0) });
  }
  return { dots: moved, coin };
}

function towards(from: Point, to: Point): Point {
  const way = Math.hypot(to.x - from.x, to.y - from.y);
  if (way <= STRIDE) return to;
  const part = STRIDE / way;
  return { x: Math.round(from.x + (to.x - from.x) * part), y: Math.round(from.y + (to.y - from.y) * part) };
}

function anywhere(): Point {
  const coordinate = () => Math.floor(Math.random() * (SIZE + 1));
  return { x: coordinate(), y: coordinate() };
}
