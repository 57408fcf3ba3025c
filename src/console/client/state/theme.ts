/** Dark, light, or as the system says. Kept in this browser. */
import { createStore } from "@xstate/store";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "florin-console-theme";

function readTheme(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? "system";
  } catch {
    return "system";
  }
}

export const themeStore = createStore({
  context: { theme: readTheme() },
  on: { chosen: (_, { theme }: { theme: Theme }) => ({ theme }) },
});

function apply(): void {
  const { theme } = themeStore.getSnapshot().context;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // A browser that keeps nothing shows the system's colours the next time.
  }
}

export function startTheme(): void {
  apply();
  themeStore.subscribe(apply);
}
