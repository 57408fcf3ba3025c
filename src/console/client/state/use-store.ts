/** The one bridge between `@xstate/store` and Preact. (`@xstate/store-preact` wants Preact 10.) */
import type { Readable } from "@xstate/store";
import { useEffect, useReducer, useRef } from "preact/hooks";

interface Snapshot<Context> {
  readonly context: Context;
}

/** The selected part of a store; the component is drawn again when that part is another one. */
export function useStore<Context, Selected>(
  store: Readable<Snapshot<Context>>,
  select: (context: Context) => Selected,
): Selected {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const selected = select(store.get().context);
  const shown = useRef({ selected, select });
  shown.current = { selected, select };
  useEffect(() => {
    const look = (): void => {
      if (!Object.is(shown.current.select(store.get().context), shown.current.selected)) redraw(undefined);
    };
    const subscription = store.subscribe(look);
    // What changed between drawing and subscribing.
    look();
    return () => subscription.unsubscribe();
  }, [store]);
  return selected;
}
