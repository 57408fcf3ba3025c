/** What a page reads from the server: loading, there, or refused; read again on demand, in a rhythm, or when the path changes. */
import { createStore } from "@xstate/store";
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Problem, problemOf } from "../api/problem.ts";
import { request } from "../api/request.ts";
import { every } from "../browser-ports.ts";
import { useStore } from "./use-store.ts";

export interface ResourceState<T> {
  /** Of which path; another one's data is not shown as this one's. */
  readonly path: string | null;
  readonly data: T | null;
  readonly problem: Problem | null;
  readonly isLoading: boolean;
}

export interface Resource<T> extends ResourceState<T> {
  reload(): void;
}

function createResource<T>() {
  const nothing: ResourceState<T> = { path: null, data: null, problem: null, isLoading: true };
  let running: AbortController | null = null;
  const store = createStore({
    context: nothing,
    on: {
      asked: (state, { path }: { path: string | null }): ResourceState<T> =>
        state.path === path
          ? { ...state, isLoading: true }
          : { path, data: null, problem: null, isLoading: path !== null },
      came: (state, { data }: { data: T }): ResourceState<T> => ({ ...state, data, problem: null, isLoading: false }),
      failed: (state, { problem }: { problem: Problem }): ResourceState<T> => ({ ...state, problem, isLoading: false }),
    },
  });
  const load = async (path: string | null): Promise<void> => {
    running?.abort();
    store.trigger.asked({ path });
    if (path === null) return;
    const controller = new AbortController();
    running = controller;
    try {
      const data = await request<T>(path, { signal: controller.signal });
      if (!controller.signal.aborted) store.trigger.came({ data });
    } catch (error) {
      if (!controller.signal.aborted) store.trigger.failed({ problem: problemOf(error) });
    }
  };
  return { store, load, stop: () => running?.abort() };
}

/** `path` null reads nothing. `everyMs` reads it again while the page is visible. */
export function useResource<T>(path: string | null, { everyMs = null }: { everyMs?: number | null } = {}): Resource<T> {
  const [resource] = useState(() => createResource<T>());
  const state = useStore(resource.store, (context) => context);
  useEffect(() => {
    void resource.load(path);
    return resource.stop;
  }, [resource, path]);
  useEffect(() => {
    if (everyMs === null || path === null) return;
    return every(everyMs, () => {
      if (document.visibilityState === "visible") void resource.load(path);
    });
  }, [resource, path, everyMs]);
  return useMemo(() => {
    const shown: ResourceState<T> =
      state.path === path ? state : { path, data: null, problem: null, isLoading: path !== null };
    return { ...shown, reload: () => void resource.load(path) };
  }, [state, path, resource]);
}
