import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { busy, problem } from "../../state";
import { Icon } from "../Icon";
import { dial, readDirectory } from "./desk";
import { Found, search, type Target } from "./Directory";

/** A number to call, typed or found in the directory by name. What was refused stays to be mended. */
export function Dial() {
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const call = async (number: string) => {
    setOpen(false);
    await dial(number);
    if (problem.value === null) setText("");
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void call(found.length === 1 && !/[0-9]/.test(text) ? (found[0] as Target).target : text);
  };
  const show = () => {
    readDirectory();
    setOpen(true);
  };
  const found = search(text).filter((one) => one.icon !== "queue");
  return (
    <form class="dial" onSubmit={submit} onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
      onFocusOut={(event) => !event.currentTarget.contains(event.relatedTarget as Node | null) && setOpen(false)}>
      <input role="combobox" aria-expanded={open} aria-controls="directory" aria-label={t("dial_number")} placeholder={t("dial_number")} value={text} maxLength={40}
        autocomplete="off" aria-keyshortcuts="Alt+d" onFocus={show} onInput={(event) => setText(event.currentTarget.value)} data-test="dial-number" />
      <button type="submit" disabled={busy.value || text.trim() === ""} data-test="dial"><Icon name="outgoing" />{t("dial")}</button>
      {open && found.length > 0 && <Found id="directory" found={found} choose={(one) => void call(one.target)} />}
    </form>
  );
}
