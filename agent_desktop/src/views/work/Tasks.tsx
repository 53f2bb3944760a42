import { useState } from "preact/hooks";
import { errorText } from "../../errors";
import { day, t, word } from "../../i18n";
import type { ErrorBody, Task } from "../../protocol";
import { busy, wish } from "../../state";
import { Icon } from "../Icon";
import { asError, Form } from "./Form";
import { ask, form, listTasks, openForm, tasks } from "./store";
import { Tel } from "./Tel";

/** What the agent still has to see to: callbacks that wait and messages. Their order is that of their age. */
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
  const keeper = form("done", task.ticket_id);
  const done = async (values: Record<string, string>) => {
    await ask("POST", `/tickets/${encodeURIComponent(task.ticket_id)}/close`, { text: values["text"] ?? "" });
    listTasks();
  };
  const callBack = () => {
    tell(null);
    void wish("call_back", { ticket_id: task.ticket_id }).then(listTasks, (failure) => tell(asError(failure)));
  };
  return (
    <li data-test={`task-${task.kind}`}>
      <Icon name={task.kind === "callback" ? "callback" : "message"} />
      <strong>{word("ticket", task.kind)} {task.number}</strong>
      <span class="dim">{day(task.due_at ?? task.opened_at)}{!task.own && ` · ${t("nobodys")}`}</span>
      <bdi>{task.customer_name ?? task.name}</bdi>
      <bdi class="wide">{task.summary}</bdi>
      <span class="row">
        {task.phone !== "" && task.kind === "message" && <Tel number={task.phone} />}
        {task.kind === "callback" && <button type="button" class="small" disabled={busy.value} onClick={callBack} data-test="call-back"><Icon name="callback" />{t("call_back_now")} <bdi dir="ltr">{task.phone}</bdi></button>}
        {task.kind === "message" && keeper === null && <button type="button" class="small" onClick={() => openForm("done", task.ticket_id, { text: "" })} data-test="task-done"><Icon name="check" />{t("dealt_with")}</button>}
      </span>
      {error !== null && <span class="bad" role="alert">{errorText(error)}</span>}
      {keeper !== null && <Form keeper={keeper} title={`${t("dealt_with")} ${task.number}`} test="done-form" submit={t("save")} send={done} fields={[{ name: "text", label: t("note"), limit: 10_000, lines: 2 }]} />}
    </li>
  );
}
