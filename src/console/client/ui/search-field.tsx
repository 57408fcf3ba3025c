/** Finds a payment by whatever id somebody has in hand. “/” jumps here from anywhere. */
import { useEffect, useRef } from "preact/hooks";
import { navigate, routerStore, to, withQuery } from "../state/router.ts";
import { useStore } from "../state/use-store.ts";
import { Icon } from "./icon.tsx";

export function SearchField() {
  const field = useRef<HTMLInputElement>(null);
  const shown = useStore(routerStore, ({ route }) =>
    route.path[0] === "payments" ? (route.query.get("q") ?? "") : "",
  );
  useEffect(() => {
    const jump = (event: KeyboardEvent): void => {
      const isTyping =
        event.target instanceof Element && event.target.closest("input, textarea, select, dialog") !== null;
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    document.addEventListener("keydown", jump);
    return () => document.removeEventListener("keydown", jump);
  }, []);
  const find = (event: SubmitEvent): void => {
    event.preventDefault();
    const text = field.current?.value.trim() ?? "";
    navigate(withQuery(to("payments"), { q: text }));
  };
  return (
    <search class="search">
      <form onSubmit={find}>
        <label class="visually-hidden" for="find">
          Find a payment by order, checkout, seller or PSP reference
        </label>
        <Icon name="search" />
        <input
          ref={field}
          id="find"
          type="search"
          name="q"
          value={shown}
          placeholder="Order, checkout, seller, PSP reference"
          autocomplete="off"
          spellcheck={false}
        />
        <kbd title="Press / to search">/</kbd>
      </form>
    </search>
  );
}
