/** The address is the state: what a page shows can be reloaded, bookmarked and sent to a colleague. */
import { createStore } from "@xstate/store";

export interface Route {
  /** Below `/console`, decoded, without empty parts: `["payments", "po_1"]`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  /** Counts navigations to another path; the first page is 0. */
  readonly visit: number;
}

const ROOT = "/console";

function readAddress(visit: number): Route {
  const { pathname, search } = location;
  const parts = pathname
    .slice(ROOT.length)
    .split("/")
    .filter((part) => part !== "");
  return { path: parts.map(decode), query: new URLSearchParams(search), visit };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const routerStore = createStore({
  context: { route: readAddress(0) },
  on: {
    moved: ({ route }): { route: Route } => {
      const next = readAddress(route.visit);
      const isSamePath = next.path.join("/") === route.path.join("/");
      return { route: isSamePath ? next : { ...next, visit: route.visit + 1 } };
    },
  },
});

/** `to("payments", id)` → `/console/payments/po_1`. */
export function to(...parts: readonly string[]): string {
  return [ROOT, ...parts.map(encodeURIComponent)].join("/");
}

export function withQuery(href: string, values: Readonly<Record<string, string | null | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  const text = query.toString();
  return text === "" ? href : `${href}?${text}`;
}

export function navigate(href: string, { isReplacing = false } = {}): void {
  if (isReplacing) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  routerStore.trigger.moved();
}

/** Links are plain links; those into the console are followed without loading it again. */
export function startRouter(): void {
  addEventListener("popstate", () => routerStore.trigger.moved());
  document.addEventListener("click", (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.hasAttribute("download") || link.hasAttribute("target")) return;
    const href = link.getAttribute("href") ?? "";
    if (href !== ROOT && !href.startsWith(`${ROOT}/`)) return;
    event.preventDefault();
    navigate(href);
  });
}
