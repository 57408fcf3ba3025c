/** A state chart that fits its width, and can be enlarged and moved by pointer, touch and keyboard. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Box, MachineChart } from "../../contract.ts";
import { Icon } from "../ui/icon.tsx";

interface ChartViewProps {
  readonly chart: MachineChart;
  readonly label: string;
  /** What should be in sight when the chart is larger than its frame. */
  readonly focus?: Box | null;
  readonly children: ComponentChildren;
  readonly legend?: ComponentChildren;
}

const STEP = 1.3;
/** Smaller than this and the words can't be read: a narrow screen scrolls instead. */
const MIN_FIT = 0.62;
const [MIN_SCALE, MAX_SCALE] = [0.3, 2.5];

export function ChartView({ chart, label, focus = null, children, legend }: ChartViewProps) {
  const frame = useRef<HTMLElement>(null);
  const [frameWidth, setFrameWidth] = useState<number | null>(null);
  const [zoom, setZoom] = useState<number | null>(null);

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setFrameWidth(entry.contentRect.width);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const fit = frameWidth === null ? 1 : Math.min(1.15, Math.max(MIN_FIT, frameWidth / chart.width));
  const scale = zoom ?? fit;
  const change = (factor: number): void => setZoom(Math.min(MAX_SCALE, Math.max(MIN_SCALE, scale * factor)));

  useEffect(() => {
    const element = frame.current;
    if (element === null || focus === null) return;
    // Only inside the frame: `scrollIntoView` would move the page too.
    element.scrollTo({
      left: (focus.x + focus.width / 2) * scale - element.clientWidth / 2,
      top: (focus.y + focus.height / 2) * scale - element.clientHeight / 2,
      behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth",
    });
  }, [focus?.x, focus?.y, scale]);

  return (
    <div class="chart">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard */}
      <section class="chart-frame" ref={frame} tabIndex={0} aria-label={`${label}. Scrolls.`}>
        {/* biome-ignore lint/a11y/useSemanticElements: what it groups are drawn states, some of them links */}
        <svg
          class="chart-svg"
          viewBox={`0 0 ${chart.width} ${chart.height}`}
          width={Math.round(chart.width * scale)}
          height={Math.round(chart.height * scale)}
          role="group"
          aria-label={label}
        >
          {children}
        </svg>
      </section>
      <div class="chart-tools">
        <div class="legend">{legend}</div>
        <div class="tool-group">
          <button type="button" class="icon-button" aria-label="Chart smaller" onClick={() => change(1 / STEP)}>
            <Icon name="minus" />
          </button>
          <button type="button" class="icon-button" aria-label="Fit the chart" onClick={() => setZoom(null)}>
            <Icon name="fit" />
          </button>
          <button type="button" class="icon-button" aria-label="Chart larger" onClick={() => change(STEP)}>
            <Icon name="plus" />
          </button>
        </div>
      </div>
    </div>
  );
}
