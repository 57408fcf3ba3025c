/** What a page shows when there is nothing to show: while it loads, when there is nothing, when it failed. */
import type { ComponentChildren } from "preact";
import type { Problem } from "../api/problem.ts";
import type { Resource } from "../state/resource.ts";
import { Icon } from "./icon.tsx";
import { CopyId } from "./values.tsx";

export function Skeleton({ rows = 5, label = "Loading" }: { readonly rows?: number; readonly label?: string }) {
  return (
    <div class="skeleton" role="status">
      <span class="visually-hidden">{label}…</span>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} class="skeleton-row" aria-hidden="true" />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children !== undefined && <p>{children}</p>}
    </div>
  );
}

export function ProblemBox({ problem, onRetry }: { readonly problem: Problem; readonly onRetry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <Icon name="warning" />
      <div>
        <p class="problem-title">{problem.title}</p>
        <p>{problem.detail}</p>
        {problem.requestId !== null && (
          <p class="soft">
            Request <CopyId id={problem.requestId} label="request id" />
          </p>
        )}
        {onRetry !== undefined && (
          <button type="button" class="button" onClick={onRetry}>
            Try again
          </button>
        )}
      </div>
    </div>
  );
}

interface LoadedProps<T> {
  readonly resource: Resource<T>;
  readonly rows?: number;
  readonly children: (data: T) => ComponentChildren;
}

/** A resource's data once it is there. Old data stays while a reload fails, with a word about it. */
export function Loaded<T>({ resource, rows, children }: LoadedProps<T>) {
  const { data, problem, reload } = resource;
  return (
    <>
      {problem !== null && <ProblemBox problem={problem} onRetry={reload} />}
      {data === null && problem === null && <Skeleton {...(rows === undefined ? {} : { rows })} />}
      {data !== null && children(data)}
    </>
  );
}
