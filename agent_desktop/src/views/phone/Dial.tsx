import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { busy } from "../../state";
import { Icon } from "../Icon";
import { dial } from "./desk";

export function Dial() {
  const [number, setNumber] = useState("");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    dial(number);
    setNumber("");
  };
  return (
    <form class="dial" onSubmit={submit}>
      <input type="tel" aria-label={t("dial_number")} placeholder={t("dial_number")} value={number} maxLength={32} aria-keyshortcuts="Alt+d"
        onInput={(event) => setNumber(event.currentTarget.value)} data-test="dial-number" />
      <button type="submit" disabled={busy.value || number.trim() === ""} data-test="dial"><Icon name="outgoing" />{t("dial")}</button>
    </form>
  );
}
