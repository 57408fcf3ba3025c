/** From the address to the page. */
import type { ComponentChildren } from "preact";
import { AuditPage } from "./pages/audit.tsx";
import { ChartsPage } from "./pages/charts.tsx";
import { EventsPage } from "./pages/events.tsx";
import { FleetPage } from "./pages/fleet.tsx";
import { AccountPage } from "./pages/ledger-account.tsx";
import { LedgerPage } from "./pages/ledger.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { PaymentPage } from "./pages/payment/payment.tsx";
import { PaymentsPage } from "./pages/payments.tsx";
import { QueuesPage } from "./pages/queues.tsx";
import { WalletPage, WalletsPage } from "./pages/wallets.tsx";
import { EndpointPage } from "./pages/webhooks/endpoint.tsx";
import { WebhooksPage } from "./pages/webhooks/webhooks.tsx";
import { type Route, routerStore, to } from "./state/router.ts";
import { useStore } from "./state/use-store.ts";
import { Page } from "./ui/page.tsx";
import { Empty } from "./ui/states.tsx";

export function Routes() {
  const route = useStore(routerStore, (context) => context.route);
  return pageOf(route);
}

function pageOf({ path, query }: Route): ComponentChildren {
  const [place = "", id, ...rest] = path;
  if (rest.length > 0) return <UnknownPage />;
  if (id === undefined) {
    switch (place) {
      case "":
        return <OverviewPage />;
      case "fleet":
        return <FleetPage />;
      case "payments":
        return <PaymentsPage query={query} />;
      case "queues":
        return <QueuesPage queue="parked" query={query} />;
      case "wallets":
        return <WalletsPage query={query} />;
      case "ledger":
        return <LedgerPage query={query} />;
      case "webhooks":
        return <WebhooksPage query={query} />;
      case "events":
        return <EventsPage query={query} />;
      case "audit":
        return <AuditPage query={query} />;
      case "charts":
        return <ChartsPage />;
      default:
        return <UnknownPage />;
    }
  }
  switch (place) {
    case "payments":
      return <PaymentPage key={id} id={id} />;
    case "queues":
      return <QueuesPage queue={id} query={query} />;
    case "wallets":
      return <WalletPage key={id} seller={id} query={query} />;
    case "ledger":
      return <AccountPage key={id} account={id} query={query} />;
    case "webhooks":
      return <EndpointPage key={id} id={id} query={query} />;
    default:
      return <UnknownPage />;
  }
}

function UnknownPage() {
  return (
    <Page title="There is no such page">
      <Empty title="Nothing stands at this address">
        Look for what you need in the <a href={to("payments")}>payments</a>, or begin at the <a href={to()}>overview</a>
        .
      </Empty>
    </Page>
  );
}
