import { render } from "preact";
import { begin } from "./state";
import { App } from "./views/App";
import "./style.css";
import "./views/work/work.css";
import "./views/phone/phone.css";
import "./views/leader/leader.css";

const root = document.getElementById("app");
if (root === null) throw new Error("the page has no #app");
render(<App />, root);
void begin();
