import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { people } from "../../numbers";
import { busy } from "../../state";
import { Icon } from "../Icon";
import { dial, mayDial } from "../phone/desk";

/** A phone number as people write it; whole (E.164) when one points at it or copies it. It is called when clicked, by those who take
 * calls; while a call is in hand it is only read. */
export function Tel({ number }: { number: string }) {
  const copy = (event: ClipboardEvent) => {
    event.clipboardData?.setData("text/plain", number);
    event.preventDefault();
  };
  return (
    <span class="tel-box" dir="ltr" title={number} onCopy={copy}>
      {mayDial.value ? (
        <button type="button" class="tel" disabled={busy.value} aria-label={`${t("call_number")} ${number}`} onClick={() => void dial(number)} data-test="tel">{people(number)}</button>
      ) : (
        <span class="number" data-test="number">{people(number)}</span>
      )}
      <Copy number={number} />
    </span>
  );
}

/** For the mouse only: by keyboard, Ctrl+C on the number does the same. */
function Copy({ number }: { number: string }) {
  const [done, tell] = useState(false);
  const copy = () => void navigator.clipboard.writeText(number).then(() => tell(true), () => tell(false));
  return (
    <button type="button" class="copy" tabIndex={-1} aria-label={`${t("copy_number")} ${number}`} title={`${t("copy_number")} ${number}`} onClick={copy} onPointerLeave={() => tell(false)} data-test="copy-number">
      <Icon name={done ? "check" : "copy"} />
    </button>
  );
}
