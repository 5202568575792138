import SAT from "sat";

export function handler() {
  const circle = new SAT.Circle(new SAT.Vector(20, 20), 20);
  const box = new SAT.Box(new SAT.Vector(30, 0), 40, 40).toPolygon();
  const response = new SAT.Response();
  const collides = SAT.testPolygonCircle(box, circle, response);
  return Response.json({ collides, overlap: response.overlap, vector: [response.overlapV.x, response.overlapV.y] });
}
