import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { errorText } from "../../errors";
import { t } from "../../i18n";
import type { CustomerCard, CustomerRow, ErrorBody } from "../../protocol";
import { Icon } from "../Icon";
import { File, Person } from "./Card";
import { NewCustomer, Row, Search } from "./Find";
import { asError } from "./Form";
import { form, openForm } from "./forms";
import { keep, kept } from "./kept";
import { ask, browsed } from "./store";

const OPENED = "opened";
/** In place of a call. */
const IDLE = "idle";
const error = signal<ErrorBody | null>(null);

async function open(customerId: string): Promise<void> {
  error.value = null;
  keep(OPENED, customerId);
  try {
    browsed.value = await ask<CustomerCard>("GET", `/customers/${encodeURIComponent(customerId)}`);
  } catch (failure) {
    error.value = asError(failure);
  }
}

function close(): void {
  keep(OPENED, null);
  browsed.value = null;
}

/** Customers while no call is in hand: search, read, change, call. Every reading is audited by the server. */
export function Customers() {
  const [start] = useState(() => kept<string>(OPENED));
  useEffect(() => {
    if (start !== null && browsed.value === null) void open(start);
  }, [start]);
  const card = browsed.value;
  return (
    <section class="card pop scroll" data-test="no-call">
      <p class="idle dim"><Icon name="headset" /><strong>{t("no_call")}</strong> {t("no_call_hint")}</p>
      {error.value !== null && <p class="bad" role="alert">{errorText(error.value)}</p>}
      {card === null ? (
        <>
          <Search place="find">{(row) => <Row key={row.customer_id} row={row} action={t("open_card")} choose={() => void open(row.customer_id)} />}</Search>
          <Enter />
        </>
      ) : (
        <>
          <p><button type="button" class="small" onClick={close} data-test="close-card"><Icon name="close" />{t("close_card")}</button></p>
          <Person customer={card} name={card.name} test="card-name" />
          <File customer={card} callId={null} />
        </>
      )}
    </section>
  );
}

/** A customer entered while nobody is on the line. */
function Enter() {
  const keeper = form("customer", IDLE);
  const enter = async (body: unknown) => {
    const card = await ask<CustomerCard>("POST", "/customers", body);
    keep(OPENED, card.customer_id);
    browsed.value = card;
  };
  const choose = (row: CustomerRow) => {
    keeper?.done();
    void open(row.customer_id);
  };
  if (keeper !== null) return <NewCustomer keeper={keeper} action={t("open_card")} choose={choose} send={enter} />;
  return <p><button type="button" onClick={() => openForm("customer", IDLE, { name: "", phones: "", flags: "" })} data-test="new-customer"><Icon name="plus" />{t("new_customer")}</button></p>;
}
