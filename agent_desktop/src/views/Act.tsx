import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon";

export interface ActProps {
  icon: IconName;
  label: string;
  onClick?: () => void;
  /** A key of its own, as in aria-keyshortcuts; the button shows it. */
  keys?: string;
  tone?: "go" | "stop";
  pressed?: boolean;
  disabled?: boolean;
  test?: string;
}

/** One thing that can be done with a call: a picture, its word, its key. */
export function Act(props: ActProps) {
  return (
    <button type="button" class={`act ${props.tone ?? ""}`} aria-pressed={props.pressed} disabled={props.disabled} aria-keyshortcuts={props.keys}
      data-key={keyShown(props.keys)} onClick={props.onClick} data-test={props.test}>
      <Face icon={props.icon} label={props.label} />
    </button>
  );
}

/** The same face for a summary, whose panel opens below it. */
export function ActMenu(props: { icon: IconName; label: string; keys: string; children: ComponentChildren }) {
  return (
    <>
      <summary class="act" aria-keyshortcuts={props.keys} data-key={keyShown(props.keys)}><Face icon={props.icon} label={props.label} /></summary>
      {props.children}
    </>
  );
}

/** An open menu closes when the focus goes elsewhere. */
export function closeWhenLeft(event: FocusEvent): void {
  const menu = event.currentTarget as HTMLDetailsElement;
  if (!menu.contains(event.relatedTarget as Node | null)) menu.open = false;
}

function Face({ icon, label }: { icon: IconName; label: string }) {
  return (
    <>
      <Icon name={icon} />
      <span>{label}</span>
    </>
  );
}

/** `Alt+5` → `5`: the corner has room for one sign, and all our keys are with Alt. */
export function keyShown(keys: string | undefined): string | undefined {
  return keys?.replace("Alt+", "").toUpperCase();
}
