import { useEffect, useState } from "preact/hooks";
import { errorText } from "../../errors";
import { span, t, word } from "../../i18n";
import type { Contact, ErrorBody, LiveEvent, TimelineEntry, TimelinePage } from "../../protocol";
import { isLive, listeners, queueName } from "../../state";
import { Icon, type IconName } from "../Icon";
import { Time } from "../Time";
import { pathWords } from "./path";
import { Tel } from "./Tel";
import { asError } from "./Form";
import { customersOf } from "./news";
import { ask, callInHand, codeWord } from "./store";

const KINDS = ["", "call", "order", "message", "callback", "complaint"] as const;
type Filter = (typeof KINDS)[number];
const TOLD = new Set<string>(["CallNoted", "DispositionSet", "TalkEnded", "CallerIdentified"]);
const SETTLE_MS = 400;

interface Shown {
  entries: readonly TimelineEntry[];
  more: string | null;
}

/** Everything the customer had to do with us, newest first. What came with the card stands there until the server's page is here. */
export function Timeline({ customerId, first }: { customerId: string; first: readonly Contact[] }) {
  const [kind, choose] = useState<Filter>("");
  const [shown, show] = useState<Shown | null>(null);
  const [error, tell] = useState<ErrorBody | null>(null);
  const [again, reload] = useState(0);
  useEffect(() => {
    let late = false;
    void read(customerId, kind, null).then((page) => !late && (show((held) => refreshed(held, page)), tell(null)), () => undefined);
    return () => void (late = true);
  }, [customerId, kind, again, isLive.value]);
  useEffect(() => refreshing(customerId, () => reload((count) => count + 1)), [customerId]);
  const more = async (before: string) => {
    try {
      const page = await read(customerId, kind, before);
      show((held) => ({ entries: [...(held?.entries ?? []), ...page.entries], more: page.more }));
    } catch (failure) {
      tell(asError(failure));
    }
  };
  const entries = shown?.entries ?? first.map(entryOf).filter((entry) => kind === "" || entry.kind === kind);
  const next = shown?.more ?? null;
  return (
    <section data-test="contacts">
      <div class="timeline-head">
        <h3 class="label">{t("timeline")}</h3>
        <div class="segments" role="group" aria-label={t("timeline_filter")}>
          {KINDS.map((one) => (
            <button type="button" key={one} aria-pressed={kind === one} onClick={() => (show(null), choose(one))} data-test={`only-${one || "all"}`}>
              {one === "" ? t("all_kinds") : word("ticket", one)}
            </button>
          ))}
        </div>
      </div>
      {entries.length === 0 && <p class="dim">{t("none")}</p>}
      <ol class="timeline" data-test="timeline">{entries.map((entry) => <Entry key={entry.ticket_id || entry.call_id} entry={entry} />)}</ol>
      {error !== null && <p class="bad" role="alert">{errorText(error)}</p>}
      {next !== null && <button type="button" class="small" onClick={() => void more(next)} data-test="more">{t("load_more")}</button>}
    </section>
  );
}

function read(customerId: string, kinds: string, before: string | null): Promise<TimelinePage> {
  const query = new URLSearchParams({ kinds, ...(before === null ? {} : { before }) });
  return ask<TimelinePage>("GET", `/customers/${encodeURIComponent(customerId)}/timeline?${query.toString()}`);
}

/** The newest page again; older ones that were read stay where they are. */
function refreshed(held: Shown | null, page: Shown): Shown {
  const last = page.entries[page.entries.length - 1];
  if (held === null || last === undefined || page.more === null) return page;
  const older = held.entries.filter((entry) => entry.at < last.at);
  return older.length === 0 ? page : { entries: [...page.entries, ...older], more: held.more };
}

/** What is told of the call in hand, and of this customer's tickets by whomever: read again, once things have settled. */
function refreshing(customerId: string, reload: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listener = (event: LiveEvent) => {
    const own = TOLD.has(event.kind) && "call_id" in event.data && event.data.call_id === callInHand.value;
    if (!own && !customersOf(event).includes(customerId)) return;
    clearTimeout(timer);
    timer = setTimeout(reload, SETTLE_MS);
  };
  listeners.add(listener);
  return () => {
    clearTimeout(timer);
    listeners.delete(listener);
  };
}

function entryOf(contact: Contact): TimelineEntry {
  const blank = { direction: "", open: false, agent_name: contact.agent_id ?? "", by: "", text: "", talk_micros: 0, path: [], codes: [], notes: [] };
  return { ...blank, ...contact };
}

function Entry({ entry }: { entry: TimelineEntry }) {
  const texts = entry.notes.length > 0 || entry.text !== "";
  const topic = entry.path.length > 0 ? pathWords(entry.path) : entry.topic;
  return (
    <li class={entry.open ? "open" : ""} data-test={`entry-${entry.kind}`}>
      <Icon name={icon(entry)} />
      <div>
        <p><strong>{title(entry)}</strong> <Time at={entry.at} /> · {about(entry)}{topic !== "" && <bdi class="topic">{topic}</bdi>} {entry.kind === "call" && entry.number !== "" && <Tel number={entry.number} />}</p>
        {texts && <Texts entry={entry} />}
      </div>
    </li>
  );
}

function Texts({ entry }: { entry: TimelineEntry }) {
  const first = entry.notes[0]?.text ?? entry.text;
  return (
    <details class="texts" data-test="entry-text">
      <summary><Icon name="note" /><bdi class="excerpt">{first}</bdi><span class="whole">{t("note")}</span></summary>
      {entry.text !== "" && <p class="full" dir="auto">{entry.text}</p>}
      {entry.notes.map((note) => (
        <div key={note.by}>
          <p class="dim"><bdi>{note.name || note.by}</bdi> · <Time at={note.at} /></p>
          <p class="full" dir="auto" data-test="full-note">{note.text}</p>
        </div>
      ))}
    </details>
  );
}

function icon(entry: TimelineEntry): IconName {
  if (entry.kind !== "call") return ({ order: "order", message: "message", callback: "callback", complaint: "alert" } as const)[entry.kind];
  return entry.direction === "outbound" ? "outgoing" : entry.direction === "callback" ? "callback" : "incoming";
}

function title(entry: TimelineEntry): string {
  if (entry.kind !== "call") return `${word("ticket", entry.kind)} ${entry.number}`;
  return word("direction", entry.direction || "inbound");
}

/** How it went and who had it. */
function about(entry: TimelineEntry): string {
  const call = entry.kind === "call";
  const queue = entry.queue === null ? "" : queueName(entry.queue);
  const ended = call && entry.open ? t("in_progress") : entry.outcome === null ? (call ? t("no_queue") : "") : word(call ? "outcome" : "order", entry.outcome);
  const who = entry.agent_name || (call ? "" : entry.by);
  const talk = entry.talk_micros > 0 ? span(entry.talk_micros) : "";
  return [queue, ended, who, talk, ...entry.codes.map(codeWord)].filter(Boolean).join(" · ");
}
