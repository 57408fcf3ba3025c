/** The payments service, put together from its parts. */
import { Refusal } from "../core/errors.ts";
import type { Statements } from "../db/access.ts";
import { refName } from "../engine/actor.ts";
import { toStamp } from "../engine/calls.ts";
import { toFactLetter } from "../engine/letters.ts";
import { type CommandDeps, createOrderCommander } from "./command-order.ts";
import { type CreateDeps, createPaymentCreator, withPatience } from "./create-payment.ts";
import { PAYMENT_ORDER_KIND, toOrderRefs } from "./payment-order-state.ts";
import type { PaymentsService } from "./service.ts";

/** Reading an order again and again asks the PSP this often at most. */
const ASK_INTERVAL_MS = 5_000;
/** Orders whose last question is remembered; beyond that the oldest are forgotten. */
const MAX_REMEMBERED_ASKS = 10_000;

export interface PaymentsDeps extends CreateDeps, CommandDeps {
  readonly statements: CreateDeps["statements"] & CommandDeps["statements"] & Pick<Statements, "keepFirstToken">;
}

export function createPaymentsService(deps: PaymentsDeps): PaymentsService {
  const { statements, engine, ports } = deps;
  const lastAskedMs = new Map<string, number>();

  function mayAsk(name: string): boolean {
    const nowMs = ports.clock.monotonicMs();
    const last = lastAskedMs.get(name);
    if (last !== undefined && nowMs - last < ASK_INTERVAL_MS) return false;
    lastAskedMs.delete(name);
    lastAskedMs.set(name, nowMs);
    const [oldest] = lastAskedMs.keys();
    if (lastAskedMs.size > MAX_REMEMBERED_ASKS && oldest !== undefined) lastAskedMs.delete(oldest);
    return true;
  }

  return {
    create: createPaymentCreator(deps),
    command: createOrderCommander(deps),

    async startHosted(merchantId, checkoutId, token) {
      const found = await statements.findPaymentEvent(merchantId, checkoutId);
      if (found === null) throw new Refusal("not-found", "There is no checkout with this id.");
      const event = { type: "order.started", ...toStamp(ports) } as const;
      const starts = toOrderRefs(merchantId, found.orderIds).map((ref) => ({ ref, commandId: deps.newId() }));
      const isFirst = await statements.keepFirstToken(
        { merchantId, eventId: found.id, token },
        starts.map(({ ref, commandId }) => ({ commandId, actorKind: ref.kind, actorId: ref.id, event })),
      );
      if (!isFirst) return;
      await withPatience(
        ports,
        Promise.all(
          starts.map(({ ref, commandId }) =>
            engine.deliver(ref, { ...toFactLetter(event, { kind: "command", commandId }), isCommand: true }),
          ),
        ),
      );
    },

    askOnRead(merchantId, paymentOrderId) {
      if (!mayAsk(`${merchantId}/${paymentOrderId}`)) return;
      void statements
        .findOrderId(merchantId, paymentOrderId)
        .then(async (id) => {
          const ref = { kind: PAYMENT_ORDER_KIND, merchantId, id: id ?? "" };
          if (id !== null && !engine.isLive(ref))
            await engine.deliver(ref, toFactLetter({ type: "order.ask", ...toStamp(ports) }));
        })
        .catch(() => lastAskedMs.delete(refName({ merchantId, id: paymentOrderId })));
    },
  };
}
