/** An operator's verdict on a parked order: first what and why, then once more with amount and consequence. */
import { useId, useState } from "preact/hooks";
import type { PaymentOrder } from "../../api/types.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { ProblemBox } from "../../ui/states.tsx";
import { Money } from "../../ui/values.tsx";
import { type ActionDialogProps, orderPath } from "./actions.tsx";
import { dropDraft, findDraft, keepDraft, type Verdict } from "./verdict-drafts.ts";
import { useIntention } from "./use-intention.ts";

type ResolveDialogProps = ActionDialogProps & { readonly held: string | null };

export function ResolveDialog({ order, held, onClose: leave, onDone }: ResolveDialogProps) {
  const id = order.payment_order_id;
  const [verdict, setVerdict] = useState<Verdict>(
    () =>
      findDraft(id) ?? {
        outcome: "succeeded",
        amount: held ?? order.amount,
        reference: order.psp_reference ?? "",
        reason: "",
      },
  );
  const change = (next: Verdict): void => {
    setVerdict(next);
    keepDraft(id, next);
  };
  const onClose = (): void => {
    dropDraft(id);
    leave();
  };
  const [isSure, setSure] = useState(false);
  const intention = useIntention();
  const confirm = async (): Promise<void> => {
    const { outcome, amount, reference, reason } = verdict;
    const body =
      outcome === "failed"
        ? { outcome, reason }
        : { outcome, amount, reason, ...(reference === "" ? {} : { psp_reference: reference }) };
    if (!(await intention.send(orderPath(order, "resolve"), body))) return;
    dropDraft(id);
    onDone(
      outcome === "failed" ? "The payment is resolved: failed." : "The payment is resolved: succeeded and booked.",
    );
  };
  if (!isSure) {
    return (
      <Dialog title="Resolve this payment" onClose={onClose}>
        <VerdictForm
          order={order}
          held={held}
          verdict={verdict}
          onChange={change}
          onNext={() => setSure(true)}
          onClose={onClose}
        />
      </Dialog>
    );
  }
  const isBooking = verdict.outcome === "succeeded";
  const money = <Money amount={verdict.amount} currency={order.currency} />;
  return (
    <Dialog title={isBooking ? "Book this money?" : "Give this payment up?"} onClose={onClose} key="sure">
      {isBooking ? (
        <p>
          <strong>{money}</strong>
          {" will be booked: the wallet of "}
          <strong>{order.seller_account}</strong>
          {" grows by it less our fee of "}
          <Money amount={order.platform_fee} currency={order.currency} />
          {
            ", and the merchant is told that it succeeded. If the PSP does not have this money, the books are wrong by it."
          }
        </p>
      ) : (
        <p>
          {"The payment of "}
          <strong>
            <Money amount={order.amount} currency={order.currency} />
          </strong>
          {" to "}
          <strong>{order.seller_account}</strong>
          {
            " ends failed, and the merchant is told so. Money that the PSP shows later goes to suspense, for somebody to give back."
          }
        </p>
      )}
      <dl class="facts">
        <dt>Reason</dt>
        <dd>{verdict.reason}</dd>
        {isBooking && verdict.reference !== "" && (
          <>
            <dt>PSP reference</dt>
            <dd>
              <code>{verdict.reference}</code>
            </dd>
          </>
        )}
      </dl>
      <p class="soft">This is recorded in the audit log and can’t be undone.</p>
      {intention.problem !== null && <ProblemBox problem={intention.problem} />}
      <div class="dialog-foot">
        <button type="button" class="button" onClick={() => setSure(false)}>
          Back
        </button>
        <button
          type="button"
          class={isBooking ? "button is-primary" : "button is-danger"}
          disabled={intention.isBusy}
          onClick={confirm}
        >
          {intention.isBusy
            ? "Sending…"
            : isBooking
              ? `Book ${verdict.amount} ${order.currency}`
              : `Fail ${order.amount} ${order.currency}`}
        </button>
      </div>
    </Dialog>
  );
}

interface VerdictFormProps {
  readonly order: PaymentOrder;
  readonly held: string | null;
  readonly verdict: Verdict;
  readonly onChange: (verdict: Verdict) => void;
  readonly onNext: () => void;
  readonly onClose: () => void;
}

function VerdictForm({ order, held, verdict, onChange, onNext, onClose }: VerdictFormProps) {
  const ids = useId();
  const isBooking = verdict.outcome === "succeeded";
  const next = (event: SubmitEvent): void => {
    event.preventDefault();
    onNext();
  };
  return (
    <form class="stack" onSubmit={next}>
      {held !== null && (
        <p>
          {"The PSP has told us of "}
          <strong>
            <Money amount={held} currency={order.currency} />
          </strong>
          {", where "}
          <Money amount={order.amount} currency={order.currency} />
          {" were asked for."}
        </p>
      )}
      <fieldset class="choices">
        <legend>What does the PSP’s own dashboard show?</legend>
        <label class="check">
          <input
            type="radio"
            name={`${ids}-outcome`}
            checked={isBooking}
            onChange={() => onChange({ ...verdict, outcome: "succeeded" })}
          />
          <span>
            The money was taken
            <span class="soft">Book it and end the order succeeded</span>
          </span>
        </label>
        <label class="check">
          <input
            type="radio"
            name={`${ids}-outcome`}
            checked={!isBooking}
            onChange={() => onChange({ ...verdict, outcome: "failed" })}
          />
          <span>
            Nothing was taken
            <span class="soft">End the order failed. Refused while the PSP is known to hold money.</span>
          </span>
        </label>
      </fieldset>
      {isBooking && (
        <div class="field-row">
          <label class="field">
            <span>Amount in {order.currency}</span>
            <input
              type="text"
              inputMode="decimal"
              required
              pattern="[0-9]+(\.[0-9]+)?"
              title={`As ${order.amount}`}
              value={verdict.amount}
              onInput={(event) => onChange({ ...verdict, amount: event.currentTarget.value })}
            />
          </label>
          <label class="field">
            <span>PSP reference</span>
            <input
              type="text"
              spellcheck={false}
              value={verdict.reference}
              placeholder="As the PSP shows it"
              onInput={(event) => onChange({ ...verdict, reference: event.currentTarget.value.trim() })}
            />
          </label>
        </div>
      )}
      <label class="field">
        <span>Reason, for the audit log</span>
        <textarea
          required
          maxLength={500}
          rows={3}
          value={verdict.reason}
          placeholder="What you saw, and where"
          onInput={(event) => onChange({ ...verdict, reason: event.currentTarget.value })}
        />
      </label>
      <div class="dialog-foot">
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
        <button type="submit" class="button is-primary">
          Next: confirm
        </button>
      </div>
    </form>
  );
}
