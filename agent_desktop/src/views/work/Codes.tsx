import { useState } from "preact/hooks";
import { errorText } from "../../errors";
import { t } from "../../i18n";
import type { CallWork, DispositionCode, ErrorBody } from "../../protocol";
import { asError } from "./Form";
import { chooseCode, codeName, groupName, uses } from "./store";

/** More codes than this are searched rather than read. */
const READ = 10;
const KEYS = 9;

/** What the call was about: the codes its queue offers, in their groups. The most used have the keys 1 to 9 while one is in here. */
export function Codes({ work, waiting, shortcut }: { work: CallWork; waiting: boolean; shortcut?: string }) {
  const [error, tell] = useState<ErrorBody | null>(null);
  const [text, setText] = useState("");
  const choose = (code: string) => {
    tell(null);
    void chooseCode(work.call_id, code).then(() => setText(""), (failure) => tell(asError(failure)));
  };
  const wanted = text.trim().toLocaleLowerCase();
  const shown = work.codes.filter((code) => `${codeName(code)} ${groupName(code)} ${code.code}`.toLocaleLowerCase().includes(wanted));
  const keyed = byUse(grouped(work.codes).flatMap(([, codes]) => codes)).slice(0, KEYS);
  const press = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target instanceof HTMLInputElement) return;
    const code = /^[1-9]$/.test(event.key) ? keyed[Number(event.key) - 1] : undefined;
    if (code === undefined) return;
    event.preventDefault();
    choose(code.code);
  };
  const title = `codes-title-${work.call_id}`;
  return (
    <section aria-labelledby={title} data-test="codes" onKeyDown={press}>
      <h3 id={title} class="label">{t("disposition")}{work.required && <span class="required"> {t("required")}</span>}</h3>
      {work.required && work.disposition === null && waiting && <p class="warn" role="alert" data-test="code-missing">{t("code_missing")}</p>}
      {work.codes.length > READ && <Finder text={text} setText={setText} first={shown[0]} choose={choose} />}
      <div class="code-groups" role="group" tabIndex={-1} aria-label={t("disposition")} aria-keyshortcuts={shortcut}>
        {grouped(shown).map(([name, codes]) => (
          <div class="codes" key={name} role="group" aria-label={name || t("disposition")}>
            {name !== "" && <span class="label">{name} ›</span>}
            {codes.map((code) => <Code key={code.code} code={code} chosen={work.disposition === code.code} key_={keyed.indexOf(code) + 1} choose={choose} />)}
          </div>
        ))}
        {shown.length === 0 && <p class="dim">{t("none")}</p>}
      </div>
      {error !== null && <p class="bad" role="alert">{errorText(error)}</p>}
    </section>
  );
}

function Finder(props: { text: string; setText(text: string): void; first: DispositionCode | undefined; choose(code: string): void }) {
  const enter = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || props.first === undefined || props.text.trim() === "") return;
    event.preventDefault();
    props.choose(props.first.code);
  };
  return (
    <input type="search" class="code-find" aria-label={t("find_code")} placeholder={t("find_code")} value={props.text} maxLength={40}
      onInput={(event) => props.setText(event.currentTarget.value)} onKeyDown={enter} data-test="find-code" />
  );
}

function Code({ code, chosen, key_, choose }: { code: DispositionCode; chosen: boolean; key_: number; choose(code: string): void }) {
  return (
    <button type="button" aria-pressed={chosen} onClick={() => choose(code.code)} data-test={`code-${code.code}`}>
      {key_ > 0 && <kbd aria-hidden="true">{key_}</kbd>}{codeName(code)}
    </button>
  );
}

/** Used oftener comes first; equals keep the order they are shown in. */
function byUse(codes: readonly DispositionCode[]): DispositionCode[] {
  const often = (code: DispositionCode) => uses.value.get(code.code) ?? 0;
  return [...codes].sort((one, other) => often(other) - often(one));
}

function grouped(codes: readonly DispositionCode[]): [string, DispositionCode[]][] {
  const groups = new Map<string, DispositionCode[]>();
  for (const code of codes) groups.set(groupName(code), [...(groups.get(groupName(code)) ?? []), code]);
  return [...groups];
}
