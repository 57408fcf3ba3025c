/** What can happen to the order at the shown moment, and why nothing else can. */
import type { EdgeVerdict, Prospect, Prospects } from "../../replay/what-may-happen.ts";
import { Panel } from "../../ui/page.tsx";
import { StatusBadge } from "../../ui/status.tsx";
import { Table } from "../../ui/table.tsx";
import { toShortEvent } from "../../chart/find-edge.ts";
import { Effects } from "./step-details.tsx";

interface ProspectsPanelProps {
  readonly state: string;
  readonly prospects: Prospects;
  readonly verdicts: readonly EdgeVerdict[];
  readonly isLatest: boolean;
}

const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export function ProspectsPanel({ state, prospects, verdicts, isLatest }: ProspectsPanelProps) {
  const notes = prospects.possible.filter((prospect) => isNote(prospect, state));
  const closed = verdicts.filter(({ isPossible }) => !isPossible);
  return (
    <Panel
      title={isLatest ? "What can happen now" : "What could happen then"}
      id="prospects"
      aside={<span class="soft">Tried on the machine itself; nothing is done by looking</span>}
    >
      <ProspectTable
        caption="Events that would move this payment, or make Florin act"
        rows={prospects.possible.filter((prospect) => !isNote(prospect, state))}
      />
      {notes.length > 0 && (
        <details class="why-not">
          <summary>{notes.length} more would only be remembered</summary>
          <ProspectTable caption="Events that would only change what the order remembers" rows={notes} />
        </details>
      )}
      <details class="why-not">
        <summary>Why not: {prospects.impossible.length} events that would change nothing</summary>
        <Table
          caption="Events that would change nothing, and why"
          rows={prospects.impossible}
          keyOf={({ who, what }) => `${who} ${what}`}
          columns={[
            { title: "If", kind: "wide", show: ({ who, what }) => `${capitalize(`the ${who}`)} ${what}` },
            { title: "Nothing changes, because", kind: "wide", show: ({ reason }) => reason },
          ]}
        />
      </details>
      <details class="why-not">
        <summary>Every other arrow of the chart: {closed.length} that can’t be taken</summary>
        <Table
          caption="Arrows that can’t be taken, and why"
          rows={closed}
          keyOf={({ edge }) => edge.id}
          columns={[
            { title: "Arrow", kind: "wide", show: ({ edge }) => `${edge.from} → ${edge.to}` },
            {
              title: "On",
              show: ({ edge }) => [...new Set(edge.events.map(({ event }) => toShortEvent(event)))].join(", "),
            },
            { title: "Not, because", kind: "wide", show: ({ reason }) => reason },
          ]}
        />
      </details>
    </Panel>
  );
}

/** Neither moves the order nor makes Florin do anything. */
const isNote = ({ to, effects }: Prospect, state: string): boolean => to === state && effects.length === 0;

function ProspectTable({ caption, rows }: { readonly caption: string; readonly rows: readonly Prospect[] }) {
  return (
    <Table
      caption={caption}
      rows={rows}
      keyOf={({ who, what }) => `${who} ${what}`}
      columns={[
        { title: "If", kind: "wide", show: ({ who, what }) => `${capitalize(`the ${who}`)} ${what}` },
        { title: "Then it is", show: ({ to }) => <StatusBadge state={to} /> },
        {
          title: "And Florin will",
          kind: "wide",
          show: ({ effects }) =>
            effects.length === 0 ? <span class="soft">do nothing more</span> : <Effects effects={effects} />,
        },
      ]}
    />
  );
}
