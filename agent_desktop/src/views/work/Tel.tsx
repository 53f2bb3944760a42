import { t } from "../../i18n";
import { callInHand } from "./store";
import { dial } from "../phone/desk";

/** A phone number that is called when clicked; while a call is in hand it is only read. */
export function Tel({ number, shown }: { number: string; shown?: string }) {
  if (callInHand.value !== null) return <span class="number" dir="ltr">{shown ?? number}</span>;
  return <button type="button" class="tel" dir="ltr" title={t("call_number")} aria-label={`${t("call_number")} ${number}`} onClick={() => dial(number)} data-test="tel">{shown ?? number}</button>;
}
