import { useState } from "preact/hooks";
import { errorText } from "../../errors";
import { language, t } from "../../i18n";
import type { CallWork, DispositionCode, ErrorBody } from "../../protocol";
import { me } from "../../state";
import { asError } from "./Form";
import { chooseCode } from "./store";

export function codeName(code: DispositionCode): string {
  return language.value === "en" ? code.en : code.zh;
}

/** What the call was about: the codes its queue offers. */
export function Codes({ work }: { work: CallWork }) {
  const [error, tell] = useState<ErrorBody | null>(null);
  const choose = (code: string) => {
    tell(null);
    void chooseCode(work.call_id, code).catch((failure) => tell(asError(failure)));
  };
  const missing = work.required && work.disposition === null;
  return (
    <section aria-labelledby="codes-title" data-test="codes">
      <h3 id="codes-title" class="label">{t("disposition")}{work.required && <span class="required"> {t("required")}</span>}</h3>
      {missing && me.value?.system === "wrap_up" && <p class="warn" role="alert" data-test="code-missing">{t("code_missing")}</p>}
      <div class="codes" role="group" aria-labelledby="codes-title">
        {work.codes.map((code, place) => (
          <button type="button" key={code.code} aria-pressed={work.disposition === code.code} aria-keyshortcuts={place === 0 ? "Alt+b" : undefined}
            onClick={() => choose(code.code)} data-test={`code-${code.code}`}>{codeName(code)}</button>
        ))}
      </div>
      {error !== null && <p class="bad" role="alert">{errorText(error)}</p>}
    </section>
  );
}
