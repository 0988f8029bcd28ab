import { render } from "preact";
import { App } from "./app";
import { listen } from "./live";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/tables.css";
import "./styles/map-tools.css";
import "./styles/map.css";
import "./styles/messages.css";
import "./styles/findings.css";
import "./styles/views.css";
import "./styles/colours.css";
import { apply } from "./theme";

apply();
listen();
const page = document.getElementById("page");
if (page) render(<App />, page);
