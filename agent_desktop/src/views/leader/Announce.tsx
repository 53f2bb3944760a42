import { signal } from "@preact/signals";
import { day, t, time } from "../../i18n";
import { nameOf } from "../../people";
import type { Announcement, Reader, SentAnnouncement } from "../../protocol";
import { agents, queues } from "../../rows";
import { busy, problem, queueName, wish } from "../../state";
import { Panel, panel, PanelButton } from "./Panel";
import { askReaders, askSent, readers, sent } from "./store";

const MOST = 1000;
/** `all`, `queue:<name>` or `agent:<id>`. */
const audience = signal("all");

export function announceTo(kind: "all" | "queue" | "agent", name = ""): void {
  audience.value = kind === "all" ? kind : `${kind}:${name}`;
  panel.value = "announce";
  void askSent();
}

export function AnnounceButton() {
  return <PanelButton name="announce" icon="message" label={t("message_to")} open={() => announceTo("all")} test="announce" />;
}

export function Announce() {
  return (
    <Panel name="announce" title={t("message_to")} test="announce-panel">
      <Form />
      <h3 class="label">{t("sent_announcements")}</h3>
      <ul class="sent">{sent.value.map((one) => <Sent key={one.announcement.announcement_id} {...one} />)}</ul>
    </Panel>
  );
}

function Sent({ announcement, to, read }: SentAnnouncement) {
  const shown = readers.value?.id === announcement.announcement_id ? readers.value.rows : null;
  return (
    <li>
      <span class="dim">{day(announcement.at)} · <bdi>{nameOf(announcement.by)}</bdi> → <bdi>{toWhom(announcement)}</bdi></span>
      <button type="button" class="small plain" aria-expanded={shown !== null} onClick={() => void askReaders(announcement.announcement_id)} data-test="readers">{read}/{to} {t("read_of")}</button>
      <span class="said" dir="auto">{announcement.text}</span>
      {shown !== null && <ul class="readers" data-test="reader-list">{shown.map((one) => <ReaderLine key={one.agent_id} {...one} />)}</ul>}
    </li>
  );
}

function ReaderLine({ agent_id, name, read_at }: Reader) {
  return <li class={read_at === null ? "" : "dim"}>{read_at === null ? "○" : "✓"} <bdi>{name || agent_id}</bdi>{read_at !== null && ` ${time(read_at)}`}</li>;
}

function toWhom({ audience: kind, name }: Announcement): string {
  if (kind === "queue") return queueName(name);
  return kind === "agent" ? agents.get(name)?.peek().name || nameOf(name) : t("message_all");
}

function Form() {
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
        <optgroup label={t("queues")}>{queues.keys.value.map((name) => <option key={name} value={`queue:${name}`}>{queueName(name)}</option>)}</optgroup>
        <optgroup label={t("agents")}>{agents.keys.value.map((id) => <option key={id} value={`agent:${id}`}>{agents.get(id)?.value.name} {id}</option>)}</optgroup>
      </select>
      <textarea name="text" required maxLength={MOST} rows={2} dir="auto" aria-label={t("message_text")} placeholder={t("message_text")} data-first />
      <button type="submit" class="primary" disabled={busy.value} data-test="send">{t("send")}</button>
    </form>
  );
}
