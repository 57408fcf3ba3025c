/** What stands around every page: places, search, who is signed in, and what was just done. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Session } from "../contract.ts";
import { problemOf } from "./api/problem.ts";
import { request } from "./api/request.ts";
import { PHONE_PLACES, PLACES, type Place } from "./navigation.ts";
import { liveStore } from "./state/live.ts";
import { noticeStore, tell } from "./state/notices.ts";
import { navigate, routerStore, to } from "./state/router.ts";
import { sessionStore } from "./state/session.ts";
import { useStore } from "./state/use-store.ts";
import { Dialog } from "./ui/dialog.tsx";
import { Icon } from "./ui/icon.tsx";
import { SearchField } from "./ui/search-field.tsx";
import { ThemeSwitch } from "./ui/theme-switch.tsx";

export function Shell({ session, children }: { readonly session: Session; readonly children: ComponentChildren }) {
  const [isMenuOpen, setMenuOpen] = useState(false);
  const visit = useStore(routerStore, ({ route }) => route.visit);
  // Whoever chose a place has no more use for the list of them.
  useEffect(() => setMenuOpen(false), [visit]);
  return (
    <div class="shell">
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={to()} aria-label="Florin, overview">
          <Mark />
          <span>Florin</span>
        </a>
        <SearchField />
        <span class={`mode is-${session.merchant.mode}`} title={`Keys of ${session.merchant.mode} mode`}>
          {session.merchant.mode === "test" ? "Test" : "Live"}
        </span>
      </header>
      <nav class="rail" aria-label="Places">
        <PlaceList />
        <div class="rail-foot">
          <Who session={session} />
        </div>
      </nav>
      <main class="content" id="content" tabIndex={-1}>
        {children}
      </main>
      <nav class="bottom" aria-label="Main places">
        {PLACES.flatMap(({ places }) => places)
          .filter(({ name }) => PHONE_PLACES.includes(name))
          .map((place) => (
            <PlaceLink key={place.name} place={place} />
          ))}
        <button type="button" aria-haspopup="dialog" onClick={() => setMenuOpen(true)}>
          <Icon name="menu" />
          <span>More</span>
        </button>
      </nav>
      {isMenuOpen && (
        <Dialog title="Places" class="drawer" onClose={() => setMenuOpen(false)}>
          <PlaceList />
          <Who session={session} />
        </Dialog>
      )}
      <Notices />
    </div>
  );
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <path d="M11 25V8h11M11 16h8M7.5 21.5h8" />
    </svg>
  );
}

function PlaceList() {
  return (
    <div class="places">
      {PLACES.map(({ title, places }) => (
        <section key={title} aria-label={title}>
          <h2>{title}</h2>
          <ul>
            {places.map((place) => (
              <li key={place.name}>
                <PlaceLink place={place} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function PlaceLink({ place }: { readonly place: Place }) {
  const first = useStore(routerStore, ({ route }) => route.path[0] ?? "");
  const isCurrent = first === (place.path[0] ?? "");
  const parked = useStore(liveStore, ({ overview }) =>
    place.name === "Queues" ? (overview?.queues.find(({ queue }) => queue === "parked")?.count ?? 0) : 0,
  );
  return (
    <a class="place" href={to(...place.path)} aria-current={isCurrent ? "page" : undefined}>
      <Icon name={place.icon} />
      <span>{place.name}</span>
      {parked > 0 && (
        <span class="count" title={`${parked} parked`}>
          {parked}
          <span class="visually-hidden"> parked</span>
        </span>
      )}
    </a>
  );
}

function Who({ session }: { readonly session: Session }) {
  const leave = async (): Promise<void> => {
    try {
      await request("/session", { method: "DELETE" });
    } catch (error) {
      const { status, detail } = problemOf(error);
      if (status !== 401) return tell("failed", detail);
    }
    sessionStore.trigger.left();
    navigate(to(), { isReplacing: true });
  };
  const isOperator = session.role === "operator";
  return (
    <div class="who">
      <p class="who-name">{session.merchant.name}</p>
      <p class="soft" title={`Key ${session.key_name}`}>
        <Icon name={isOperator ? "person" : "eye"} /> {isOperator ? "Operator" : "Read only"} · {session.key_name}
      </p>
      <div class="who-tools">
        <ThemeSwitch />
        <button type="button" class="button is-small" onClick={leave}>
          <Icon name="leave" /> Sign out
        </button>
      </div>
    </div>
  );
}

function Notices() {
  const notices = useStore(noticeStore, (context) => context.notices);
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.map(({ id, kind, text }) => (
        <p key={id} class={`notice is-${kind}`}>
          <Icon name={kind === "done" ? "done" : "warning"} />
          {text}
        </p>
      ))}
    </div>
  );
}
