/** Icons as paths of our own on a 16 x 16 grid. Always beside words, so they say nothing to a screen reader. */

const PATHS = {
  overview: "M2.5 13.5V8.5M6.2 13.5V2.5M9.8 13.5V6.5M13.5 13.5V4.5",
  fleet: "M5.5 3.5h5v3h-5zM1.5 10.5h4.5v3h-4.5zM10 10.5h4.5v3H10zM8 6.5v2M3.75 10.5v-2h8.5v2",
  payments: "M1.5 3.5h13v9h-13zM1.5 6.5h13M4 10h3",
  queues: "M2.5 3.5h11M2.5 8h11M2.5 12.5h6M11 11l1.5 1.5L15 10",
  wallets: "M2 4.5h11.5v8.5H2zM2 4.5l8-2.5v2.5M10.5 8.75h3",
  ledger: "M8 2.5v11M2.5 5h11M4.5 5 2.5 9.5h4zM11.5 5l-2 4.5h4zM5 13.5h6",
  webhooks: "M5 9.5a2.7 2.7 0 1 0 2.6 3.2h4M8.8 5A2.7 2.7 0 1 0 5.9 6.7L4.6 9.6M9 4.5l2 4a2.7 2.7 0 1 1-1 4",
  events: "M9 1.5 3.5 9H8l-1 5.5L12.5 7H8z",
  audit: "M8 1.5 13.5 3.5v4c0 3.5-2.5 5.7-5.5 7-3-1.3-5.5-3.5-5.5-7v-4zM5.7 7.8l1.7 1.7 3-3.2",
  charts: "M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3M6 8.5h4M6 11h4",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3l3.4 3.4",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  copy: "M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1",
  done: "M3 8.5l3.2 3.2L13 4.8",
  failed: "M4 4l8 8M12 4l-8 8",
  warning: "M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.4v.4",
  waiting: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.8V8l2.2 1.6",
  asking: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM6.2 6.4a1.8 1.8 0 1 1 2.6 1.6c-.5.3-.8.6-.8 1.2M8 11v.3",
  moving: "M2.5 8h10M8.8 4.3 12.5 8l-3.7 3.7",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v2.8h-2.8",
  idle: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11z",
  held: "M4 7.5h8v6H4zM5.5 7.5V5.2a2.5 2.5 0 0 1 5 0v2.3",
  back: "M13.5 8h-10M7.2 4.3 3.5 8l3.7 3.7",
  play: "M5 3.5v9l7-4.5z",
  pause: "M5 3.5v9M11 3.5v9",
  download: "M8 2.5v8M4.8 7.5 8 10.7l3.2-3.2M3 13.5h10",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2.5 5.5v-3h3M10.5 2.5h3v3M13.5 10.5v3h-3M5.5 13.5h-3v-3",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.1 1.1M11.9 11.9 13 13M3 13l1.1-1.1M11.9 4.1 13 3",
  moon: "M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3z",
  system: "M2 3.5h12v7.5H2zM6 13.5h4M8 11v2.5",
  leave: "M6.5 2.5h-4v11h4M6 8h7.5M10.7 5.2 13.5 8l-2.8 2.8",
  person: "M8 2.5a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2zM3 13.8c.4-2.8 2.4-4.3 5-4.3s4.6 1.5 5 4.3",
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  down: "M4 6l4 4 4-4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
