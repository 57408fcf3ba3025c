/** Who decided what, when, and how it ended. */
import type { AuditEntry, AuditPage as AuditList } from "../../contract.ts";
import { useResource } from "../state/resource.ts";
import { to, withQuery } from "../state/router.ts";
import { Page } from "../ui/page.tsx";
import { Pager } from "../ui/pager.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { Badge } from "../ui/status.tsx";
import { Table } from "../ui/table.tsx";
import { CopyId, Time } from "../ui/values.tsx";

const REFRESH_MS = 5_000;

export function AuditPage({ query }: { readonly query: URLSearchParams }) {
  const cursor = query.get("cursor");
  const list = useResource<AuditList>(withQuery("/audit", { cursor }), {
    everyMs: cursor === null ? REFRESH_MS : null,
  });
  return (
    <Page
      title="Audit log"
      lead="Decisions of people, through the console and through the API. Nothing here can be changed."
    >
      <Loaded resource={list}>
        {(page) =>
          page.data.length === 0 ? (
            <Empty title="Nobody has decided anything yet">
              Retries, verdicts, cancels, redeliveries and changes of webhook endpoints are listed here.
            </Empty>
          ) : (
            <>
              <AuditTable entries={page.data} />
              <Pager page={page} what="the audit log" />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function AuditTable({ entries }: { readonly entries: readonly AuditEntry[] }) {
  return (
    <Table
      caption="Decisions, newest first"
      rows={entries}
      keyOf={({ id }) => id}
      columns={[
        { title: "At", show: ({ at }) => <Time at={at} /> },
        {
          title: "Who",
          show: ({ who, via }) => (
            <>
              {who}
              <span class="under">by {via === "console" ? "the console" : "the API"}</span>
            </>
          ),
        },
        { title: "Decision", show: ({ action }) => <strong>{action}</strong> },
        {
          title: "On",
          kind: "wide",
          show: (entry) => <Subject entry={entry} />,
        },
        { title: "Reason", kind: "wide", show: ({ reason }) => reason ?? <span class="soft">–</span> },
        { title: "Answer", show: ({ status }) => <Answer status={status} /> },
      ]}
    />
  );
}

const OF_ORDERS: ReadonlySet<string> = new Set(["retry", "resolve", "cancel"] satisfies AuditEntry["action"][]);

/** Whoever sends a payment chooses its id, so only the action says what was decided on. */
function Subject({ entry: { action, subject: id } }: { readonly entry: AuditEntry }) {
  if (OF_ORDERS.has(action)) return <CopyId id={id} label="payment order id" href={to("payments", id)} />;
  if (id.startsWith("whe_")) return <CopyId id={id} label="endpoint id" href={to("webhooks", id)} />;
  return <CopyId id={id} label="delivery id" />;
}

function Answer({ status }: { readonly status: number | null }) {
  if (status === null) return <Badge tone="warn" icon="asking" text="not known" />;
  return status < 300 ? (
    <Badge tone="good" icon="done" text={`done (${status})`} />
  ) : (
    <Badge tone="bad" icon="failed" text={`refused (${status})`} />
  );
}
