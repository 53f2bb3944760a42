import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { busy, wish } from "../../state";
import { Icon } from "../Icon";
import { readDirectory } from "./desk";
import { Found, search } from "./Directory";

/** Type or choose whom the caller goes to, then straight away or asked first. */
export function Transfer() {
  const [target, setTarget] = useState("");
  const [open, setOpen] = useState(false);
  const transfer = async (how: "blind" | "attended") => {
    if (target.trim() === "") return;
    setOpen(false);
    await wish("transfer", { target: target.trim(), how });
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void transfer("blind");
  };
  const show = () => {
    readDirectory();
    setOpen(true);
  };
  const found = search(target);
  return (
    <form class="transfer" onSubmit={submit} aria-label={t("transfer")} onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
      onFocusOut={(event) => !event.currentTarget.contains(event.relatedTarget as Node | null) && setOpen(false)}>
      <input name="target" role="combobox" aria-expanded={open} aria-controls="targets" aria-label={t("transfer_to")} placeholder={t("transfer_short")} value={target}
        autocomplete="off" aria-keyshortcuts="Alt+8" onFocus={show} maxLength={40} onInput={(event) => setTarget(event.currentTarget.value)} data-test="target" />
      <button type="submit" disabled={busy.value} data-test="blind"><Icon name="transfer" />{t("blind")}</button>
      <button type="button" disabled={busy.value} onClick={() => void transfer("attended")} data-test="attended"><Icon name="consult" />{t("attended")}</button>
      {open && found.length > 0 && <Found id="targets" found={found} choose={(one) => setTarget(one.target)} />}
    </form>
  );
}
