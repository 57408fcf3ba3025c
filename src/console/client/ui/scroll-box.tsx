/** What may be wider than its place. It takes the keyboard's focus only while there is something to scroll. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export function ScrollBox({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  const box = useRef<HTMLElement>(null);
  const [isWide, setWide] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWide(element.scrollWidth > element.clientWidth + 1));
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    return () => observer.disconnect();
  }, []);
  return (
    <section class="table-scroll" ref={box} {...(isWide ? { tabIndex: 0, "aria-label": `${label}. Scrolls.` } : {})}>
      {children}
    </section>
  );
}
