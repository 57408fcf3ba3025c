/** The frame of a page: its heading gets the focus when somebody came here from another page. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { routerStore } from "../state/router.ts";
import { useStore } from "../state/use-store.ts";

interface PageProps {
  readonly title: string;
  /** In place of the title's text. */
  readonly heading?: ComponentChildren;
  readonly lead?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly back?: { readonly href: string; readonly label: string };
  readonly children: ComponentChildren;
}

export function Page({ title, heading, lead, actions, back, children }: PageProps) {
  const visit = useStore(routerStore, ({ route }) => route.visit);
  const headingRef = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} – Florin`;
  }, [title]);
  useEffect(() => {
    // The first page is where the browser puts the focus itself.
    if (visit === 0) return;
    headingRef.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [visit]);
  return (
    <>
      <header class="page-head">
        <div>
          {back !== undefined && (
            <a class="page-back" href={back.href}>
              {back.label}
            </a>
          )}
          <h1 ref={headingRef} tabIndex={-1}>
            {heading ?? title}
          </h1>
          {lead !== undefined && <p class="page-lead">{lead}</p>}
        </div>
        {actions !== undefined && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

export function Panel({
  title,
  id,
  aside,
  children,
  class: className = "",
}: {
  readonly title: string;
  readonly id: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly class?: string;
}) {
  return (
    <section class={`panel ${className}`} aria-labelledby={`${id}-title`}>
      <header class="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
