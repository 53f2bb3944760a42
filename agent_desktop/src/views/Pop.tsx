import { errorText } from "../errors";
import { day, language, span, t, word } from "../i18n";
import type { NumberInfo, Pop as PopData, Repeat } from "../protocol";
import { me, now, onlyLive, pop as shownPop, popFailed, queueName } from "../state";
import { Icon } from "./Icon";
import { Fact, File, Person } from "./work/Card";
import { Customers } from "./work/Customers";
import { WhoIsIt } from "./work/Find";
import { pathWords } from "./work/path";
import { Tel } from "./work/Tel";
import { UrgeAtOnce } from "./work/Urge";

/** Who is calling; while nobody is, the customers. Everything a caller or a record says is shown as text. */
export function Pop() {
  const own = me.value;
  const shown = shownPop.value;
  if (own === null || own.call_id === null) return <Customers />;
  return (
    <section {...onlyLive(`card pop scroll ${own.system === "offered" ? "ringing" : ""}`)} aria-live="assertive" data-test="pop">
      {popFailed.value !== null && <p class="warn" role="alert">{errorText(popFailed.value)}</p>}
      {shown === null ? <p>{popFailed.value === null && t("loading")}</p> : <Caller pop={shown} />}
    </section>
  );
}

function Caller({ pop }: { pop: PopData }) {
  const customer = pop.customer;
  return (
    <>
      <Person customer={customer} name={customer?.name || t(pop.candidates.length > 1 ? "several_callers" : "unknown_caller")} test="caller-name" more={<Numbers pop={pop} />} />
      {pop.direction === "outbound" && pop.dialling !== null && <p class="repeat" role="status" data-test="dialling"><strong>{word("dialling", pop.dialling)}</strong></p>}
      {pop.repeat !== null && <RepeatCaller repeat={pop.repeat} callId={pop.call_id} />}
      <ThisCall pop={pop} />
      {customer === null ? <WhoIsIt key={pop.call_id} pop={pop} /> : <File key={customer.customer_id} customer={customer} callId={pop.call_id} />}
    </>
  );
}

function Numbers({ pop }: { pop: PopData }) {
  return (
    <>
      <span class="tag number" data-test="caller-number">{pop.caller === "" ? t("withheld") : <Tel number={pop.caller} />}</span>
      {pop.number !== null && origin(pop.number) !== "" && <span class="tag" data-test="origin">{origin(pop.number)}</span>}
    </>
  );
}

/** Where the number is from and who carries it, in the language of the page. */
function origin(number: NumberInfo): string {
  const key = language.value === "en" ? "en" : "zh";
  return [number.region[key], number.carrier[key]].filter(Boolean).join(" · ");
}

function RepeatCaller({ repeat, callId }: { repeat: Repeat; callId: string }) {
  const { calls, last_at: last, order } = repeat;
  return (
    <div class="repeat" role="status" data-test="repeat">
      <p>
        <strong><Icon name="history" /> {t("repeat_caller")}</strong>
        {calls > 0 && ` · ${t("repeat_calls")}: ${calls}`}
        {last !== null && ` · ${t("repeat_last")} ${day(last)}`}
      </p>
      {order !== null && (
        <p>
          <span>{`${t("repeat_order")}: ${word("ticket", order.kind)} `}<strong>{order.number}</strong>{` · ${word("order", order.state)} · ${day(order.opened_at)} · `}<bdi>{order.summary}</bdi></span>
        </p>
      )}
      {order !== null && <span class="row"><UrgeAtOnce order={order} callId={callId} /></span>}
    </div>
  );
}

function ThisCall({ pop }: { pop: PopData }) {
  const until = pop.answered_at ?? now.value;
  const digits = pop.digits.map((entered) => entered.digits).filter(Boolean).join("  ");
  return (
    <dl class="this-call" data-test="this-call" aria-label={t("this_call")}>
      <Fact name={t("queue")}>{pop.queue && queueName(pop.queue)}</Fact>
      <Fact name={t("waited")}>{pop.entered_at !== null && span(until - pop.entered_at)}</Fact>
      <Fact name={t("path")} test="path">{pathWords(pop.path)}</Fact>
      <Fact name={t("digits")} test="digits">{digits}</Fact>
      <Fact name={t("spoken")}>{pop.language && word("spoken", pop.language)}</Fact>
      <Fact name={t("dialled")}>{pop.did}</Fact>
    </dl>
  );
}
