import { computed } from "@preact/signals";
import { useState } from "preact/hooks";
import { errorText } from "../../errors";
import { day, exact, t, word } from "../../i18n";
import type { ErrorBody, Task } from "../../protocol";
import { busy, now, pop, wish } from "../../state";
import { people } from "../../numbers";
import { Icon } from "../Icon";
import { asError, Form } from "./Form";
import { form, openForm } from "./forms";
import { ask, listTasks, tasks } from "./store";
import { Tel } from "./Tel";
import { EditTicket, reopen } from "./Tickets";

/** The moment, to the minute: what is due need not be looked at every second. */
const minute = computed(() => now.value - (now.value % 60_000_000));

/** What the agent still has to see to, in the order it is due: callbacks that wait and messages. */
export function Tasks() {
  const shown = tasks.value;
  return (
    <section class="card" aria-labelledby="tasks-title" data-test="tasks">
      <h2 id="tasks-title" class="label">{t("my_tasks")}{shown.length > 0 && <span class="count">{shown.length}</span>}</h2>
      {shown.length === 0 && <p class="dim">{t("no_tasks")}</p>}
      <ul class="rows tasks">{shown.map((task) => <OneTask key={task.ticket_id} task={task} />)}</ul>
    </section>
  );
}

function OneTask({ task }: { task: Task }) {
  const [error, tell] = useState<ErrorBody | null>(null);
  const done = form("done", task.ticket_id);
  const edited = form("edit", task.ticket_id);
  const kind = task.kind === "callback" ? "callback" : "message";
  const callBack = () => {
    tell(null);
    void wish("call_back", { ticket_id: task.ticket_id }).then(listTasks, (failure) => tell(asError(failure)));
  };
  return (
    <li data-test={`task-${task.kind}`}>
      <Icon name={kind} />
      <strong>{word("ticket", task.kind)} {task.number}</strong>
      <When task={task} />
      <bdi>{task.customer_name ?? task.name}</bdi>
      <bdi class="wide">{task.summary}</bdi>
      <span class="row">
        {task.phone !== "" && kind === "message" && <Tel number={task.phone} />}
        {kind === "callback" && <button type="button" class="small" disabled={busy.value} title={task.phone} onClick={callBack} data-test="call-back"><Icon name="callback" />{t("call_back_now")} <bdi dir="ltr">{people(task.phone)}</bdi></button>}
        {kind === "message" && done === null && <button type="button" class="small" onClick={() => openForm("done", task.ticket_id, { text: "" })} data-test="task-done"><Icon name="check" />{t("dealt_with")}</button>}
        {edited === null && <button type="button" class="small" onClick={() => reopen(task)} data-test="edit-task"><Icon name="edit" />{t("edit")}</button>}
      </span>
      {error !== null && <span class="bad" role="alert">{errorText(error)}</span>}
      {done !== null && <Done task={task} keeper={done} />}
      {edited !== null && <EditTicket ticket={task} kind={kind} pop={pop.value} keeper={edited} saved={listTasks} />}
    </li>
  );
}

function When({ task }: { task: Task }) {
  const nobodys = task.own ? "" : ` · ${t("nobodys")}`;
  if (task.due_at == null) return <span class="dim" title={exact(task.opened_at)}>{day(task.opened_at)}{nobodys}</span>;
  const late = task.due_at < minute.value;
  return <span class={late ? "overdue" : "dim"} title={exact(task.due_at)} data-test={late ? "overdue" : "due"}>{late && <><Icon name="clock" />{t("overdue")} · </>}{t("due_by")} {day(task.due_at)}{nobodys}</span>;
}

function Done({ task, keeper }: { task: Task; keeper: NonNullable<ReturnType<typeof form>> }) {
  const send = async (values: Record<string, string>) => {
    await ask("POST", `/tickets/${encodeURIComponent(task.ticket_id)}/close`, { text: values["text"] ?? "" });
    listTasks();
  };
  return <Form keeper={keeper} title={`${t("dealt_with")} ${task.number}`} test="done-form" submit={t("save")} send={send} fields={[{ name: "text", label: t("note"), limit: 10_000, lines: 2 }]} />;
}
