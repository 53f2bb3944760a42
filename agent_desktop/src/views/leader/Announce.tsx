import { signal } from "@preact/signals";
import { day, t, time } from "../../i18n";
import { agents, queues } from "../../rows";
import { busy, problem, queueName, wish } from "../../state";
import { askReaders, askSent, readers, sent } from "./store";

const MOST = 1000;
const open = signal(false);
/** `all`, `queue:<name>` or `agent:<id>`. */
const audience = signal("all");

export function announceTo(kind: "all" | "queue" | "agent", name = ""): void {
  audience.value = kind === "all" ? kind : `${kind}:${name}`;
  open.value = true;
  void askSent();
}

export function Announce() {
  if (!open.value) return <button type="button" onClick={() => announceTo("all")} data-test="announce">{t("message_to")}</button>;
  const close = () => (open.value = false);
  return (
    <section class="card panel" role="dialog" aria-label={t("message_to")} onKeyDown={(event) => event.key === "Escape" && close()} data-test="announce-panel">
      <Form close={close} />
      <h3 class="label">{t("sent_announcements")}</h3>
      <ul class="rows">
        {sent.value.map(({ announcement, to, read }) => (
          <li key={announcement.announcement_id}>
            <span class="dim">{day(announcement.at)} {announcement.by}</span>
            <span>{announcement.text}</span>
            <button type="button" class="small plain" aria-expanded={readers.value?.id === announcement.announcement_id} onClick={() => void askReaders(announcement.announcement_id)} data-test="readers">{read}/{to} {t("read_of")}</button>
            {readers.value?.id === announcement.announcement_id && (
              <span class="readers" data-test="reader-list">{readers.value.rows.map((one) => `${one.read_at === null ? "○" : "✓"} ${one.name || one.agent_id}${one.read_at === null ? "" : ` ${time(one.read_at)}`}`).join(" · ")}</span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Form({ close }: { close: () => void }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const text = String(new FormData(form).get("text"));
    const [kind = "all", name = ""] = audience.value.split(/:(.*)/s);
    void wish("announce", { audience: kind as "all" | "queue" | "agent", name, text }).then(() => {
      if (problem.value !== null) return;
      form.reset();
      void askSent();
    });
  };
  return (
    <form class="announce" onSubmit={submit}>
      <select aria-label={t("message_to")} value={audience.value} onChange={(event) => (audience.value = event.currentTarget.value)} data-test="audience">
        <option value="all">{t("message_all")}</option>
        {queues.keys.value.map((name) => <option key={name} value={`queue:${name}`}>{queueName(name)}</option>)}
        {agents.keys.value.map((id) => <option key={id} value={`agent:${id}`}>{agents.get(id)?.value.name} {id}</option>)}
      </select>
      <textarea name="text" required maxLength={MOST} rows={2} aria-label={t("message_text")} placeholder={t("message_text")} ref={(area) => area?.focus()} />
      <button type="submit" class="primary" disabled={busy.value} data-test="send">{t("send")}</button>
      <button type="button" onClick={close}>{t("close")}</button>
    </form>
  );
}
