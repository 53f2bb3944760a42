import { effect, signal } from "@preact/signals";
import { t } from "../i18n";
import { Icon } from "./Icon";

/** `system` follows the computer's own setting. */
export type Theme = "system" | "light" | "dark";

const KEPT = "cti.theme";
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const FACE = { system: "desk", light: "sun", dark: "moon" } as const;

export const theme = signal<Theme>(first());

function first(): Theme {
  const kept = localStorage.getItem(KEPT);
  return kept === "light" || kept === "dark" ? kept : "system";
}

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  localStorage.setItem(KEPT, theme.value);
});

export function ThemeSwitch() {
  const name = `${t("theme")}: ${t(`theme.${theme.value}`)}`;
  return (
    <button type="button" class="quiet" aria-label={name} title={name} onClick={() => (theme.value = NEXT[theme.value])} data-test="theme">
      <Icon name={FACE[theme.value]} />
    </button>
  );
}
