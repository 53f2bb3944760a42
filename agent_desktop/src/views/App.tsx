import { effect } from "@preact/signals";
import { useState } from "preact/hooks";
import { errorText } from "../errors";
import { t } from "../i18n";
import { connection } from "../live";
import { switchLinked } from "../rows";
import { asked, pop, isLive, me, onlyLive, problem, session, takesCalls, watchesAll } from "../state";
import { Admin } from "./admin/Admin";
import { CallBar } from "./CallBar";
import { Header, type View } from "./Header";
import { Keys } from "./Keys";
import { LeaderBoard } from "./leader/LeaderBoard";
import { Listened, ListeningBar } from "./leader/ListeningBar";
import { Unread } from "./leader/Unread";
import { Pop } from "./Pop";
import { PhoneCard } from "./phone/PhoneCard";
import { Queues } from "./Queues";
import { SignIn } from "./SignIn";
import { SignInAgain } from "./work/SignInAgain";
import { interrupted } from "./work/store";
import { OwnCalls, OwnFigures, Work } from "./work/Work";

/** The tab shows who calls; at once, since a title must not outlive the session either. */
effect(() => {
  const caller = pop.value?.customer?.name || pop.value?.caller || "";
  document.title = me.value?.system === "offered" ? `☎ ${caller} ${t("title")}` : t("title");
});

export function App() {
  if (!asked.value) return null;
  return (
    <>
      {session.value !== null ? <Signed /> : interrupted.value !== null ? <SignInAgain login={interrupted.value} /> : <SignIn />}
      <Problem />
      <Keys />
    </>
  );
}

function Signed() {
  const [view, show] = useState<View>(takesCalls.value ? "desk" : "board");
  const views: View[] = [...(takesCalls.value ? ["desk" as const] : []), ...(watchesAll.value ? ["board" as const] : []), ...(session.value?.role === "admin" ? ["admin" as const] : [])];
  if (session.value?.role === "back_office") {
    return (
      <>
        <Header view={null} />
        <main class="single"><p>{t("back_office_only")}</p></main>
      </>
    );
  }
  return (
    <>
      <Header view={views.length > 1 ? view : null} views={views} show={show} />
      <Link />
      <Unread />
      <ListeningBar />
      <Listened />
      <main aria-busy={!isLive.value}>
        {view === "desk" ? <Desk /> : <div {...onlyLive("whole")}>{view === "admin" ? <Admin /> : <LeaderBoard />}</div>}
      </main>
    </>
  );
}

function Desk() {
  return (
    <div class="desk">
      <CallBar />
      <div class="columns">
        <div {...onlyLive("column")}>
          <OwnFigures />
          <Queues />
          <PhoneCard />
        </div>
        <Pop />
        <div class="column">
          <Work />
          <OwnCalls />
        </div>
      </div>
    </div>
  );
}

/** What is not as it should be between this page and the calls. */
function Link() {
  if (connection.value === "away") return <p class="banner warn" role="alert" data-test="reconnecting">{t("reconnecting")}</p>;
  if (connection.value === "connecting") return <p class="banner" role="status">{t("connecting")}</p>;
  if (switchLinked.value === false) return <p class="banner warn" role="alert">{t("switch_away")}</p>;
  return null;
}

function Problem() {
  const error = problem.value;
  if (error === null) return null;
  return (
    <div class="toast" role="alert" data-test="problem">
      <span>{errorText(error)}</span>
      <button type="button" class="plain" aria-label={t("dismiss")} onClick={() => (problem.value = null)}>×</button>
    </div>
  );
}
