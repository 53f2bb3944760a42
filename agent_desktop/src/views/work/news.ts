// What others change of the files and tickets on the screen. An event names them; only what shows one of them is read again.
// The pop of the call in hand is the server's to send anew.

import type { CustomerCard, LiveEvent } from "../../protocol";
import { listeners, me } from "../../state";
import { ask, browsed, list, listTasks, load, quiet, shownCustomer, tasks, work, worked } from "./store";
import { rereadSteps } from "./Urge";

const SETTLE_MS = 200;
/** A message nobody has yet concerns every agent: not all of them ask in one moment. */
const SPREAD_MS = 4_000;

const timers = new Map<string, ReturnType<typeof setTimeout>>();

/** Once, after things have settled. */
function soon(name: string, action: () => void, ms = SETTLE_MS): void {
  clearTimeout(timers.get(name));
  timers.set(name, setTimeout(() => (timers.delete(name), action()), ms));
}

/** The customers an event is about; none for other events. */
export function customersOf(event: LiveEvent): readonly string[] {
  if (event.kind === "CustomerChanged") return [event.data.customer_id];
  return event.kind === "TicketChanged" ? event.data.customers : [];
}

listeners.add((event) => {
  const concerned = customersOf(event);
  const shown = browsed.value?.customer_id;
  if (shown !== undefined && concerned.includes(shown)) soon("card", () => readAgain(shown));
  if (event.kind === "CustomerChanged" && worked.value.some((call) => call.customer_id === event.data.customer_id)) list();
  if (event.kind === "TicketChanged") ticketChanged(event.data);
});

function ticketChanged(change: Extract<LiveEvent, { kind: "TicketChanged" }>["data"]): void {
  rereadSteps(change.ticket_id);
  const here = work.value;
  if (here !== null && (here.tickets.some((one) => one.ticket_id === change.ticket_id) || (change.what === "created" && change.owner === me.value?.agent_id))) {
    soon("work", () => void load(here.call_id).catch(quiet));
  }
  if (!["message", "callback"].includes(change.ticket)) return;
  if (change.owner === me.value?.agent_id || tasks.value.some((task) => task.ticket_id === change.ticket_id)) soon("tasks", listTasks);
  else if (change.owner === null && change.ticket === "message") soon("tasks", listTasks, SETTLE_MS + Math.random() * SPREAD_MS);
}

function readAgain(customerId: string): void {
  void ask<CustomerCard>("GET", `/customers/${encodeURIComponent(customerId)}`).then(shownCustomer, quiet);
}
