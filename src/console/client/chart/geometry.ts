/** Lines and arrow heads of the drawn chart. */
import type { ChartEdge, Point } from "../../contract.ts";

const CORNER = 8;

const distance = (one: Point, other: Point): number => Math.hypot(other.x - one.x, other.y - one.y);

/** The point `length` away from `from` on the way to `to`. */
function towards(from: Point, to: Point, length: number): Point {
  const whole = distance(from, to);
  if (whole === 0) return from;
  const share = Math.min(1, length / whole);
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

const round = (value: number): number => Math.round(value * 10) / 10;
const write = ({ x, y }: Point): string => `${round(x)} ${round(y)}`;

/** A line through the points with rounded corners, as the `d` of an SVG path. */
export function toRoundedPath(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  let path = `M${write(first)}`;
  rest.forEach((point, index) => {
    const before = points[index];
    const after = rest[index + 1];
    if (before === undefined || after === undefined) {
      path += `L${write(point)}`;
      return;
    }
    const reach = Math.min(CORNER, distance(before, point) / 2, distance(point, after) / 2);
    path += `L${write(towards(point, before, reach))}Q${write(point)} ${write(towards(point, after, reach))}`;
  });
  return path;
}

/** A triangle at the end of the line, as `points` of an SVG polygon. */
export function toArrowHead(points: readonly Point[], size: number): string {
  const tip = points.at(-1);
  const before = points.at(-2);
  if (tip === undefined || before === undefined) return "";
  const length = distance(before, tip) || 1;
  const [dx, dy] = [(tip.x - before.x) / length, (tip.y - before.y) / length];
  const base = { x: tip.x - dx * size, y: tip.y - dy * size };
  const half = size * 0.45;
  const corners = [
    tip,
    { x: base.x - dy * half, y: base.y + dx * half },
    { x: base.x + dy * half, y: base.y - dx * half },
  ];
  return corners.map(({ x, y }) => `${round(x)},${round(y)}`).join(" ");
}

/** Shortened at its end, so that a thick line does not look out behind its arrow head. */
export function withoutTip(points: readonly Point[], size: number): readonly Point[] {
  const tip = points.at(-1);
  const before = points.at(-2);
  if (tip === undefined || before === undefined) return points;
  return [...points.slice(0, -1), towards(tip, before, Math.min(size * 0.8, distance(before, tip) * 0.9))];
}

function toMiddle(points: readonly Point[]): Point {
  const lengths = points.slice(1).map((point, index) => distance(points[index] ?? point, point));
  let left = lengths.reduce((sum, length) => sum + length, 0) / 2;
  for (const [index, length] of lengths.entries()) {
    const [from, to] = [points[index], points[index + 1]];
    if (from !== undefined && to !== undefined && left <= length) return towards(from, to, left);
    left -= length;
  }
  return points[0] ?? { x: 0, y: 0 };
}

/** The centre of an arrow's label. A loop without a place for one has it beyond its bend. */
export function toLabelSpot(
  { from, to, label, points }: ChartEdge,
  size: { readonly width: number; readonly height: number },
): Point {
  if (label !== null) return { x: label.x + label.width / 2, y: label.y + label.height / 2 };
  const [first, second] = points;
  if (from !== to || first === undefined || second === undefined) return toMiddle(points);
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const center = { x: (Math.min(...xs) + Math.max(...xs)) / 2, y: (Math.min(...ys) + Math.max(...ys)) / 2 };
  if (second.y < first.y) return { x: center.x, y: Math.min(...ys) - size.height / 2 - 1 };
  if (second.y > first.y) return { x: center.x, y: Math.max(...ys) + size.height / 2 + 1 };
  return second.x > first.x
    ? { x: Math.max(...xs) + size.width / 2 + 2, y: center.y }
    : { x: Math.min(...xs) - size.width / 2 - 2, y: center.y };
}
