/** A small chart over time. Its words say what the line shows: where it began, where it is, how low and high it went. */

interface SparklineProps {
  /** What is drawn, as the beginning of a sentence: “Payments a second”. */
  readonly what: string;
  readonly points: readonly { readonly at: string; readonly value: number | null }[];
  readonly format: (value: number) => string;
  /** The line’s zero is the bottom, unless the values are shares of one. */
  readonly isShare?: boolean;
}

const [WIDTH, HEIGHT, PAD] = [200, 40, 3];

export function Sparkline({ what, points, format, isShare = false }: SparklineProps) {
  const known = points.flatMap(({ at, value }) => (value === null ? [] : [{ ms: Date.parse(at), value }]));
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined || known.length < 2)
    return <p class="spark-none soft">The line begins with the first minute of payments.</p>;
  const values = known.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const top = isShare ? 1 : Math.max(high, Number.EPSILON);
  const spanMs = Math.max(1, last.ms - first.ms);
  const spots = known.map(({ ms, value }) => {
    const x = ((ms - first.ms) / spanMs) * WIDTH;
    return { x, y: HEIGHT - PAD - (value / top) * (HEIGHT - 2 * PAD) };
  });
  const line = spots.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const end = spots.at(-1);
  const minutes = Math.max(1, Math.round(spanMs / 60_000));
  const words = `${what} over the last ${minutes} min: now ${format(last.value)}, lowest ${format(low)}, highest ${format(high)}`;
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words}>
      <title>{words}</title>
      <polygon class="spark-area" points={`0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`} />
      <polyline class="spark-line" points={line} />
      {end !== undefined && <line class="spark-now" x1={end.x} x2={end.x} y1={0} y2={HEIGHT} />}
    </svg>
  );
}
