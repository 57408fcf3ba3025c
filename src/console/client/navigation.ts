/** The places of the console, in the order in which they are listed. */
import type { IconName } from "./ui/icon.tsx";

export interface Place {
  readonly name: string;
  readonly path: readonly string[];
  readonly icon: IconName;
}

export interface PlaceGroup {
  readonly title: string;
  readonly places: readonly Place[];
}

export const PLACES: readonly PlaceGroup[] = [
  {
    title: "Operate",
    places: [
      { name: "Overview", path: [], icon: "overview" },
      { name: "Fleet chart", path: ["fleet"], icon: "fleet" },
      { name: "Payments", path: ["payments"], icon: "payments" },
      { name: "Queues", path: ["queues"], icon: "queues" },
    ],
  },
  {
    title: "Money",
    places: [
      { name: "Wallets", path: ["wallets"], icon: "wallets" },
      { name: "Ledger", path: ["ledger"], icon: "ledger" },
    ],
  },
  {
    title: "Integrate",
    places: [
      { name: "Webhooks", path: ["webhooks"], icon: "webhooks" },
      { name: "Events", path: ["events"], icon: "events" },
    ],
  },
  {
    title: "Record",
    places: [
      { name: "Audit log", path: ["audit"], icon: "audit" },
      { name: "Charts", path: ["charts"], icon: "charts" },
    ],
  },
];

/** What a thumb reaches on a phone; the rest is behind “More”. */
export const PHONE_PLACES: readonly string[] = ["Overview", "Fleet chart", "Payments", "Queues"];
