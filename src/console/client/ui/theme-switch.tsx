/** Dark, light or as the system: one button that goes through the three. */
import { THEMES, type Theme, themeStore } from "../state/theme.ts";
import { useStore } from "../state/use-store.ts";
import { Icon, type IconName } from "./icon.tsx";

const LOOKS: Readonly<Record<Theme, { readonly icon: IconName; readonly word: string }>> = {
  system: { icon: "system", word: "as the system" },
  light: { icon: "sun", word: "light" },
  dark: { icon: "moon", word: "dark" },
};

export function ThemeSwitch() {
  const theme = useStore(themeStore, (context) => context.theme);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  const text = `Colours: ${LOOKS[theme].word}. Change to ${LOOKS[next].word}`;
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={text}
      title={text}
      onClick={() => themeStore.trigger.chosen({ theme: next })}
    >
      <Icon name={LOOKS[theme].icon} />
    </button>
  );
}
