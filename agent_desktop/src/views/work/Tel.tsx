import { t } from "../../i18n";
import { busy } from "../../state";
import { dial, mayDial } from "../phone/desk";

/** A phone number that is called when clicked, by those who take calls; while a call is in hand it is only read. */
export function Tel({ number, shown }: { number: string; shown?: string | undefined }) {
  if (!mayDial.value) return <span class="number" dir="ltr">{shown ?? number}</span>;
  return <button type="button" class="tel" dir="ltr" disabled={busy.value} title={t("call_number")} aria-label={`${t("call_number")} ${number}`} onClick={() => void dial(number)} data-test="tel">{shown ?? number}</button>;
}
