/** Pages of a list: the server's cursor stands in the address, so a page can be reloaded and sent on. */
import { routerStore, to, withQuery } from "../state/router.ts";
import { useStore } from "../state/use-store.ts";

interface PagerProps {
  readonly page: { readonly has_more: boolean; readonly next_cursor: string | null };
  /** How the list's things are called: “payments”. */
  readonly what: string;
  /** What the address must keep along with a cursor, because the cursor holds for nothing else. */
  readonly pinned?: Readonly<Record<string, string | null>>;
}

export function Pager({ page, what, pinned = {} }: PagerProps) {
  const route = useStore(routerStore, (context) => context.route);
  const here = Object.fromEntries(route.query);
  const number = Number(here.page ?? "1");
  if (number === 1 && !page.has_more) return null;
  const href = to(...route.path);
  const unpinned = Object.fromEntries(Object.keys(pinned).map((name) => [name, null]));
  return (
    <nav class="pager" aria-label={`Pages of ${what}`}>
      {number > 1 && (
        <a class="button is-small" href={withQuery(href, { ...here, ...unpinned, cursor: null, page: null })}>
          Newest
        </a>
      )}
      {number > 1 && (
        <button type="button" class="button is-small" onClick={() => history.back()}>
          Previous
        </button>
      )}
      <span class="soft">Page {number}</span>
      {page.has_more && (
        <a
          class="button is-small"
          href={withQuery(href, { ...here, ...pinned, cursor: page.next_cursor, page: `${number + 1}` })}
        >
          Next
        </a>
      )}
    </nav>
  );
}
