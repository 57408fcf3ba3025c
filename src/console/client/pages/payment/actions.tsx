/** What an operator may do with the order now. Each asks first, and says what will follow. */
import { useState } from "preact/hooks";
import type { PaymentOrder } from "../../api/types.ts";
import { tell } from "../../state/notices.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { ProblemBox } from "../../ui/states.tsx";
import { Money } from "../../ui/values.tsx";
import { ResolveDialog } from "./resolve-dialog.tsx";
import { useIntention } from "./use-intention.ts";

interface ActionsProps {
  readonly order: PaymentOrder;
  /** What the PSP holds for it beside the books; null when nothing is known of. */
  readonly held: string | null;
  /** As the server's own machine judges them. */
  readonly allowed: readonly string[];
  readonly onDone: () => void;
}

type Action = "cancel" | "retry" | "resolve";

export function Actions({ order, held, allowed, onDone }: ActionsProps) {
  const [open, setOpen] = useState<Action | null>(null);
  const close = (): void => setOpen(null);
  const done = (text: string): void => {
    close();
    tell("done", text);
    onDone();
  };
  return (
    <>
      {allowed.includes("retry") && (
        <button type="button" class="button is-primary" onClick={() => setOpen("retry")}>
          Retry…
        </button>
      )}
      {allowed.includes("resolve") && (
        <button type="button" class="button" onClick={() => setOpen("resolve")}>
          Resolve…
        </button>
      )}
      {allowed.includes("cancel") && (
        <button type="button" class="button is-danger" onClick={() => setOpen("cancel")}>
          Cancel payment…
        </button>
      )}
      {open === "retry" && <RetryDialog order={order} onClose={close} onDone={done} />}
      {open === "cancel" && <CancelDialog order={order} onClose={close} onDone={done} />}
      {open === "resolve" && <ResolveDialog order={order} held={held} onClose={close} onDone={done} />}
    </>
  );
}

export interface ActionDialogProps {
  readonly order: PaymentOrder;
  readonly onClose: () => void;
  readonly onDone: (text: string) => void;
}

export const orderPath = (order: PaymentOrder, action: Action): string =>
  `/v1/payments/${encodeURIComponent(order.payment_order_id)}/${action}`;

function RetryDialog({ order, onClose, onDone }: ActionDialogProps) {
  const intention = useIntention();
  const confirm = async (): Promise<void> => {
    if (await intention.send(orderPath(order, "retry"), {})) onDone("The payment is being tried again.");
  };
  return (
    <Dialog title="Try this payment again?" onClose={onClose}>
      <p>
        {"Florin may charge "}
        <strong>
          <Money amount={order.amount} currency={order.currency} />
        </strong>
        {" for "}
        <strong>{order.seller_account}</strong>
        {" again. Where an outcome is unknown it asks the PSP first, so nobody is charged twice."}
      </p>
      {intention.problem !== null && <ProblemBox problem={intention.problem} />}
      <div class="dialog-foot">
        <button type="button" class="button" onClick={onClose}>
          Leave it parked
        </button>
        <button type="button" class="button is-primary" disabled={intention.isBusy} onClick={confirm}>
          {intention.isBusy ? "Sending…" : `Retry ${order.amount} ${order.currency}`}
        </button>
      </div>
    </Dialog>
  );
}

function CancelDialog({ order, onClose, onDone }: ActionDialogProps) {
  const intention = useIntention();
  const confirm = async (): Promise<void> => {
    if (await intention.send(orderPath(order, "cancel"), {})) onDone("The cancel is recorded.");
  };
  return (
    <Dialog title="Cancel this payment?" onClose={onClose}>
      <p>
        {"The buyer is not charged "}
        <strong>
          <Money amount={order.amount} currency={order.currency} />
        </strong>
        {", and the order ends failed, with the code "}
        <code>canceled</code>
        {order.phase === "resolving"
          ? ". The PSP is asked first: money that it already took settles the order instead."
          : ". This can’t be undone; a new checkout would be needed."}
      </p>
      {intention.problem !== null && <ProblemBox problem={intention.problem} />}
      <div class="dialog-foot">
        <button type="button" class="button" onClick={onClose}>
          Keep the payment
        </button>
        <button type="button" class="button is-danger" disabled={intention.isBusy} onClick={confirm}>
          {intention.isBusy ? "Sending…" : "Cancel the payment"}
        </button>
      </div>
    </Dialog>
  );
}
