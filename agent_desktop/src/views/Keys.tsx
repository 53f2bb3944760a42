import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { Icon } from "./Icon";

/** Every key on the page belongs to the element that says so in aria-keyshortcuts; pressing it focuses and clicks that element. */
export function Keys() {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!event.altKey || event.ctrlKey || event.metaKey) return;
      const target = document.querySelector<HTMLElement>(`[aria-keyshortcuts="Alt+${CSS.escape(event.key)}"]`) ?? byCode(event);
      if (target === null || target.closest("[inert]") !== null) return;
      event.preventDefault();
      target.focus();
      target.click();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return null;
}

/** Alt and a letter give another sign on some keyboards; the key's place does not change. */
function byCode(event: KeyboardEvent): HTMLElement | null {
  const place = event.code.replace(/^(Key|Digit)/, "").toLowerCase();
  return place === "" ? null : document.querySelector<HTMLElement>(`[aria-keyshortcuts="Alt+${CSS.escape(place)}"]`);
}

/** The list of keys that do something right now. */
export function KeyHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [rows, setRows] = useState<[string, string][]>([]);
  const open = () => {
    setRows([...document.querySelectorAll<HTMLElement>("[aria-keyshortcuts]")].filter((one) => one.checkVisibility()).map(described));
    dialog.current?.showModal();
  };
  return (
    <>
      <button type="button" class="quiet" aria-label={t("keys")} title={`${t("keys")} (Alt+/)`} aria-keyshortcuts="Alt+/" onClick={open} data-test="keys">
        <Icon name="keyboard" />
      </button>
      <dialog ref={dialog} class="card keys-help" aria-label={t("keys")}>
        <form method="dialog">
          <h2>{t("keys")}</h2>
          <button class="quiet" aria-label={t("dismiss")}><Icon name="close" /></button>
        </form>
        <dl>{rows.map(([key, name]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{name}</dd></div>)}</dl>
      </dialog>
    </>
  );
}

function described(element: HTMLElement): [string, string] {
  const name = element.getAttribute("aria-label") ?? (element as HTMLInputElement).labels?.[0]?.textContent ?? element.textContent;
  return [element.getAttribute("aria-keyshortcuts") ?? "", (name ?? "").trim()];
}
