// How a drawing is written: strokes one after the other, each
//
//   colour: u8, width: u8, number of points: u8, then for each point x: u16, y: u16
//
// with numbers of two bytes in network order. A board is 1600 by 1000.

const HEAD = 3;
const POINT = 4;

const COLOURS = 7;
const MAX_WIDTH = 64;
const BOARD = { width: 1600, height: 1000 };

/** Whether bytes are one or more whole strokes on the board. */
export function areStrokes(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  let at = 0;
  while (at < bytes.length) {
    const end = endOf(bytes, at);
    if (end === undefined) return false;
    const [colour, width] = bytes.subarray(at);
    if (colour! >= COLOURS || width === 0 || width! > MAX_WIDTH) return false;
    for (at += HEAD; at < end; at += POINT) {
      if (view.getUint16(at) > BOARD.width || view.getUint16(at + 2) > BOARD.height) return false;
    }
  }
  return bytes.length > 0;
}

/** The last strokes of these that together have so many bytes at most. */
export function latest(strokes: Uint8Array, max: number): Uint8Array {
  let start = 0;
  while (strokes.length - start > max) start = endOf(strokes, start) ?? strokes.length;
  return strokes.slice(start);
}

/** Where the stroke that begins here ends, if it is whole and has a point. */
function endOf(bytes: Uint8Array, start: number): number | undefined {
  const points = bytes[start + 2];
  if (!points) return undefined;
  const end = start + HEAD + points * POINT;
  return end <= bytes.length ? end : undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
