/** Stored bodies and objects, indented where they are JSON, and as they came where they are not. */

function toText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

export function Json({ value, label = "JSON" }: { readonly value: unknown; readonly label?: string }) {
  const text = toText(value);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
    <section class="json" tabIndex={0} aria-label={label}>
      <pre>{text === "" ? "(empty)" : text}</pre>
    </section>
  );
}
