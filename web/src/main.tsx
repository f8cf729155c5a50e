import "./style/tokens.css";
import "./style/base.css";
import "./style/layout.css";
import "./style/parts.css";
import "./style/charts.css";
import { render } from "preact";
import { App } from "./app";
import { applyTheme } from "./theme";

applyTheme();
const root = document.getElementById("root");
if (root) {
  render(<App />, root);
}
