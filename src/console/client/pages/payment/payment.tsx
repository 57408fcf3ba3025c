/** One payment, explained: in a sentence, on the chart, step by step, and by everything that was said and booked. */
import { useMemo, useState } from "preact/hooks";
import type { MachineChart, OrderHistory } from "../../../contract.ts";
import { formatAmount } from "../../../../core/money.ts";
import type { Explanation, PaymentOrder } from "../../api/types.ts";
import { nowMs } from "../../browser-ports.ts";
import { OrderChart } from "../../chart/order-chart.tsx";
import { loadChart, useChart } from "../../chart/use-chart.ts";
import { navigate, routerStore, to, withQuery } from "../../state/router.ts";
import { mayOperate, sessionStore } from "../../state/session.ts";
import { useStore } from "../../state/use-store.ts";
import { Page, Panel } from "../../ui/page.tsx";
import { Loaded, ProblemBox, Skeleton } from "../../ui/states.tsx";
import { StatusBadge, stateOf } from "../../ui/status.tsx";
import { Age, CopyId, Money, Until } from "../../ui/values.tsx";
import { Actions } from "./actions.tsx";
import { BooksPanel } from "./books.tsx";
import { CallsPanel } from "./calls.tsx";
import { DetailsPanel } from "./details.tsx";
import { EventsPanel } from "./order-events.tsx";
import { toOverlay, stepAt } from "./moments.ts";
import { useOrderData } from "./order-data.ts";
import { ProspectsPanel } from "./prospects.tsx";
import { StepDetails } from "./step-details.tsx";
import { TimeTravel } from "./time-travel.tsx";
import { TimelinePanel } from "./timeline.tsx";
import { type Replayed, useReplay } from "./use-replay.ts";

export function PaymentPage({ id }: { readonly id: string }) {
  const data = useOrderData(id);
  const { chart, problem } = useChart();
  const replayed = useReplay(data.history.data);
  const canOperate = useStore(sessionStore, mayOperate);
  const order = data.order.data;
  const explanation = data.explanation.data;
  const history = data.history.data;
  const back = { href: to("payments"), label: "All payments" };
  const heading = <CopyId id={id} label="payment order id" />;
  if (order === null) {
    return (
      <Page title={id} heading={heading} back={back}>
        <Loaded resource={data.order} rows={12}>
          {() => null}
        </Loaded>
      </Page>
    );
  }
  return (
    <Page
      title={id}
      heading={heading}
      back={back}
      actions={
        canOperate &&
        explanation !== null && (
          <Actions order={order} held={heldMoney(replayed)} allowed={explanation.allowed_events} onDone={data.reload} />
        )
      }
    >
      <Summary order={order} explanation={explanation} />
      {problem !== null && <ProblemBox problem={problem} onRetry={() => void loadChart()} />}
      {data.history.problem !== null && <ProblemBox problem={data.history.problem} onRetry={data.history.reload} />}
      {chart !== null && history !== null ? (
        <Life chart={chart} history={history} order={order} replayed={replayed} />
      ) : (
        problem === null && data.history.problem === null && <Skeleton rows={8} label="Drawing the chart" />
      )}
      <div class="columns">
        <div class="column">
          <Loaded resource={data.calls}>{(calls) => <CallsPanel calls={calls} createdAt={order.created_at} />}</Loaded>
          <Loaded resource={data.timeline}>
            {(timeline) => <TimelinePanel timeline={timeline.data} createdAt={order.created_at} />}
          </Loaded>
        </div>
        <div class="column">
          {data.timeline.data !== null && <BooksPanel timeline={data.timeline.data.data} />}
          <DetailsPanel order={order} />
        </div>
      </div>
      {data.timeline.data !== null && <EventsPanel id={id} timeline={data.timeline.data.data} />}
    </Page>
  );
}

/** Money that the PSP holds and that is in no book yet, because facts disagree; the machine remembers it. */
function heldMoney(replayed: Replayed | null): string | null {
  const steps = replayed?.replay.kind === "replayed" ? replayed.replay.steps : [];
  const held = steps.at(-1)?.snapshot.context.held ?? null;
  return held === null ? null : formatAmount(BigInt(held.amount), held.currency);
}

function Summary({ order, explanation }: { readonly order: PaymentOrder; readonly explanation: Explanation | null }) {
  return (
    <section class="summary" aria-label="In a sentence">
      <div class="summary-top">
        <StatusBadge state={stateOf(order)} />
        <strong class="summary-money">
          <Money amount={order.amount} currency={order.currency} />
        </strong>
        {explanation !== null && (
          <span class="soft">
            for <Age at={explanation.since} />
          </span>
        )}
      </div>
      <p class="summary-text" aria-live="polite">
        {explanation === null ? "…" : explanation.summary}
      </p>
      {explanation !== null && explanation.waiting_for !== null && (
        <p class="soft">
          Waits for {explanation.waiting_for}
          {explanation.next_at !== null && (
            <>
              , next <Until at={explanation.next_at} />
            </>
          )}
          {explanation.holder === null ? "" : ` · held by node ${explanation.holder}`}
        </p>
      )}
    </section>
  );
}

interface LifeProps {
  readonly chart: MachineChart;
  readonly history: OrderHistory;
  readonly order: PaymentOrder;
  readonly replayed: Replayed | null;
}

/** The chart with its slider: both show the same moment. */
function Life({ chart, history, order, replayed }: LifeProps) {
  const route = useStore(routerStore, (context) => context.route);
  const last = history.transitions.length;
  const asked = route.query.get("step");
  const moment = asked === null ? last : Math.min(last, Math.max(0, Math.trunc(Number(asked)) || 0));
  const isLatest = asked === null;
  const [openedAtMs] = useState(nowMs);
  const move = (step: number | null): void =>
    navigate(withQuery(to(...route.path), { step: step === null ? null : `${step}` }), { isReplacing: true });
  const step = stepAt(history, moment);
  // The latest moment is judged as of now, an earlier one as of its own time.
  const asOfMs = isLatest
    ? Math.max(openedAtMs, Date.parse(step?.at ?? order.created_at))
    : Date.parse(step?.at ?? order.created_at);
  const look = useMemo(() => replayed?.look(chart, moment, asOfMs) ?? null, [replayed, chart, moment, asOfMs]);
  const possible = useMemo(
    () =>
      look === null ? null : new Set(look.verdicts.filter(({ isPossible }) => isPossible).map(({ edge }) => edge.id)),
    [look],
  );
  const overlay = useMemo(
    () => toOverlay(chart, history, { moment, possible, createdAt: order.created_at }),
    [chart, history, moment, possible],
  );
  return (
    <>
      <Panel title="How it went" id="life" class="life">
        <OrderChart chart={chart} overlay={overlay} />
        <TimeTravel history={history} createdAt={order.created_at} moment={moment} onMove={move} />
        <StepDetails moment={moment} step={step} replay={replayed?.replay ?? null} />
      </Panel>
      {look !== null && (
        <ProspectsPanel
          state={overlay.active}
          prospects={look.prospects}
          verdicts={look.verdicts}
          isLatest={isLatest}
        />
      )}
    </>
  );
}
