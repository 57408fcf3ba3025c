/** The order's own fields, for whoever compares them with something else. */
import type { PaymentOrder } from "../../api/types.ts";
import { to } from "../../state/router.ts";
import { Json } from "../../ui/json.tsx";
import { Panel } from "../../ui/page.tsx";
import { CopyId, Money, Time } from "../../ui/values.tsx";
import { CheckoutLink } from "../payments.tsx";

export function DetailsPanel({ order }: { readonly order: PaymentOrder }) {
  const { currency } = order;
  const metadata = Object.entries(order.metadata);
  return (
    <Panel title="Details" id="details">
      <dl class="facts">
        <dt>Payment order</dt>
        <dd>
          <CopyId id={order.payment_order_id} label="payment order id" />
        </dd>
        <dt>Checkout</dt>
        <dd>
          <CheckoutLink id={order.checkout_id} />
        </dd>
        <dt>Seller</dt>
        <dd>
          <CopyId id={order.seller_account} label="seller" href={to("wallets", order.seller_account)} />
        </dd>
        <dt>PSP reference</dt>
        <dd>
          {order.psp_reference === null ? (
            <span class="soft">none yet</span>
          ) : (
            <CopyId id={order.psp_reference} label="PSP reference" />
          )}{" "}
          <span class="soft">at {order.psp}</span>
        </dd>
        <dt>Amount</dt>
        <dd>
          <Money amount={order.amount} currency={currency} />
          <span class="soft">
            {" of which our fee is "}
            <Money amount={order.platform_fee} currency={currency} />
          </span>
        </dd>
        <dt>Captured</dt>
        <dd>
          <Money amount={order.amount_captured} currency={currency} />
        </dd>
        <dt>Refunded</dt>
        <dd>
          <Money amount={order.amount_refunded} currency={currency} />
        </dd>
        <dt>Books</dt>
        <dd>
          {order.ledger_updated ? "ledger updated" : "not booked"},{" "}
          {order.wallet_updated ? "wallet updated" : "wallet untouched"}
        </dd>
        {order.failure !== null && (
          <>
            <dt>Failure</dt>
            <dd>
              {order.failure.message} <code>{order.failure.decline_code ?? order.failure.code}</code>
            </dd>
          </>
        )}
        {order.next_action !== null && (
          <>
            <dt>Buyer’s page</dt>
            <dd>
              <CopyId id={order.next_action.url} label="address of the buyer’s page" />
            </dd>
          </>
        )}
        {order.description !== null && (
          <>
            <dt>Description</dt>
            <dd>{order.description}</dd>
          </>
        )}
        {metadata.map(([name, value]) => (
          <>
            <dt key={`${name} name`}>
              <code>{name}</code>
            </dt>
            <dd key={name}>{value}</dd>
          </>
        ))}
        <dt>Created</dt>
        <dd>
          <Time at={order.created_at} />
        </dd>
        <dt>Changed</dt>
        <dd>
          <Time at={order.updated_at} /> <span class="soft">version {order.version}</span>
        </dd>
      </dl>
      <details>
        <summary>As the API shows it</summary>
        <Json value={order} label="The payment order" />
      </details>
    </Panel>
  );
}
