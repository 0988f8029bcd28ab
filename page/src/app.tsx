/** The frame of the page: what is heard, the views, the one that is shown. */

import type { FunctionComponent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLive } from "./live";
import { Status } from "./parts/status";
import { link, useRoute } from "./route";
import { apply, THEMES, type Theme, theme } from "./theme";
import { ComparisonView } from "./views/compare";
import { DeliveryView } from "./views/delivery";
import { DurationsView } from "./views/durations";
import { EventView } from "./views/event";
import { FindingsView } from "./views/findings";
import { LagView } from "./views/lag";
import { MapView } from "./views/map";
import { PartitionsView } from "./views/partitions";

interface View {
  name: string;
  title: string;
  show: FunctionComponent;
}

const VIEWS: [View, ...View[]] = [
  { name: "map", title: "Flow map", show: MapView },
  { name: "delivery", title: "Delivery", show: DeliveryView },
  { name: "lag", title: "Lag", show: LagView },
  { name: "durations", title: "Durations", show: DurationsView },
  { name: "findings", title: "Findings", show: FindingsView },
  { name: "event", title: "One event", show: EventView },
  { name: "compare", title: "Compare", show: ComparisonView },
  { name: "partitions", title: "Partitions", show: PartitionsView },
];

function Themes() {
  const [chosen, change] = useState<Theme>(theme);
  const next = THEMES[(THEMES.indexOf(chosen) + 1) % THEMES.length] ?? "system";
  const turn = () => {
    apply(next);
    change(next);
  };
  return (
    <button type="button" class="theme" onClick={turn} aria-label={`Colours: ${chosen}. Change to ${next}.`}>
      <span aria-hidden="true">{{ system: "◐", light: "☀", dark: "☾" }[chosen]}</span>
    </button>
  );
}

function Views({ shown }: { shown: View }) {
  const bar = useRef<HTMLElement>(null);
  useEffect(() => {
    bar.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [shown]);
  const found = useLive(({ snapshot }) => snapshot?.findings.number ?? 0);
  return (
    <nav aria-label="Views" ref={bar}>
      {VIEWS.map((view) => (
        <a key={view.name} href={link(view.name)} aria-current={view === shown ? "page" : undefined}>
          {view.title}
          {view.name === "findings" && found > 0 && <span class="count">{found}</span>}
        </a>
      ))}
    </nav>
  );
}

export function App() {
  const { view } = useRoute();
  const shown = VIEWS.find((one) => one.name === view) ?? VIEWS[0];
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${shown.title} – otel-eda`;
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [shown]);
  const skip = () => main.current?.focus();
  const Shown = shown.show;
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to the view
      </button>
      <header class="top">
        <a class="brand" href={link("map")}>
          otel-eda
        </a>
        <Status />
        <Themes />
      </header>
      <Views shown={shown} />
      <main ref={main} id="main" tabIndex={-1} key={shown.name}>
        <Shown />
      </main>
    </>
  );
}
