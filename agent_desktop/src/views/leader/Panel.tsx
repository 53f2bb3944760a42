import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../../i18n";
import { Icon, type IconName } from "../Icon";

export type PanelName = "announce" | "alarms" | "listens" | "thresholds";

/** What lies over the board; one at a time. */
export const panel = signal<PanelName | null>(null);

export function PanelButton(props: { name: PanelName; icon: IconName; label: string; badge?: number; open: () => void; test: string }) {
  const shown = panel.value === props.name;
  const press = () => {
    panel.value = shown ? null : props.name;
    if (!shown) props.open();
  };
  return (
    <button type="button" aria-haspopup="dialog" aria-expanded={shown} onClick={press} data-panel={props.name} data-test={props.test}>
      <Icon name={props.icon} />{props.label}{(props.badge ?? 0) > 0 && <span class="badge">{props.badge}</span>}
    </button>
  );
}

/** Takes the focus when it opens and gives it back to its button; Escape closes it wherever the focus is (LeaderBoard). */
export function Panel(props: { name: PanelName; title: string; test: string; children: ComponentChildren }) {
  if (panel.value !== props.name) return null;
  return <Open {...props} />;
}

function Open(props: { name: PanelName; title: string; test: string; children: ComponentChildren }) {
  const place = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    (place.current?.querySelector<HTMLElement>("[data-first]") ?? place.current)?.focus();
    return () => document.querySelector<HTMLElement>(`[data-panel=${props.name}]`)?.focus();
  }, []);
  return (
    <section class="card panel" role="dialog" aria-label={props.title} tabIndex={-1} ref={place} data-test={props.test}>
      <header>
        <h2>{props.title}</h2>
        <button type="button" class="quiet" aria-label={t("close")} onClick={() => (panel.value = null)} data-test="close-panel"><Icon name="close" /></button>
      </header>
      <div class="scroll">{props.children}</div>
    </section>
  );
}
