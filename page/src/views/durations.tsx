/** Durations: the heat map of processing, the way from origin to end, and each hop. */

import { useMemo } from "preact/hooks";
import type uPlot from "uplot";
import type { End, HeatAnswer, Hop, LatencyAnswer } from "../answers";
import { question } from "../ask";
import { clock, duration, number } from "../format";
import { useAnswer, useLive } from "../live";
import { axes, type Build, Chart } from "../parts/chart";
import { Answered, Head, LeftOff, Select } from "../parts/common";
import { HeatMap } from "../parts/heat";
import { TimeSpan, useTime } from "../parts/span";
import { choose, useRoute } from "../route";

const VERBS = { send: "sending to", queue: "waiting at", process: "processing from" };

const built: Build = (ink) => ({
  axes: axes(ink, duration),
  scales: { x: { time: true }, y: { range: (_, __, high) => [0, (high ?? 0) * 1.1 || 0.001] } },
  legend: { show: false },
  cursor: { y: false, drag: { x: false, y: false } },
  series: [
    {},
    { label: "p50", stroke: ink("one"), width: 2, points: { show: false } },
    { label: "p95", stroke: ink("two"), width: 2, points: { show: false } },
  ],
});

function Ends({ end }: { end: End }) {
  const data = useMemo<uPlot.AlignedData>(
    () => [0, 1, 2].map((column) => end.points.map((point) => point[column] ?? null)) as uPlot.AlignedData,
    [end.points],
  );
  const name = `${end.origin} to ${end.final}`;
  return (
    <section class="card" aria-label={name}>
      <header>
        <h3>
          {end.origin} <span class="arrow">→</span> {end.final}
        </h3>
        <p class="totals">
          <span>{number(end.count)} events</span>
          <span class="dot one">p50 {duration(end.p50)}</span>
          <span class="dot two">p95 {duration(end.p95)}</span>
          <span>p99 {duration(end.p99)}</span>
        </p>
      </header>
      <Chart
        label={`End-to-end latency from ${name}`}
        shape="end"
        build={built}
        data={data}
        height={130}
        describe={(index) => {
          const [time, p50, p95] = end.points[index] ?? [];
          return `${clock(time)}: p50 ${duration(p50)}, p95 ${duration(p95)}`;
        }}
      />
    </section>
  );
}

/** Draws from p50 to p99 on a scale that all rows share; logarithmic, since hops differ by powers of ten. */
function Range({ hop, most }: { hop: Hop; most: number }) {
  const floor = Math.log10(0.0001);
  const place = (value: number) =>
    Math.max(0, Math.min(100, ((Math.log10(Math.max(value, 0.0001)) - floor) / (Math.log10(most) - floor)) * 100));
  const [from, middle, to] = [place(hop.p50), place(hop.p95), place(hop.p99)];
  return (
    <svg class="range" aria-hidden="true" height="14">
      <rect class="rail" x="0" y="6" width="100%" height="2" rx="1" />
      <rect class={hop.kind} x={`${from}%`} y="3" width={`${Math.max(middle - from, 0.8)}%`} height="8" rx="3" />
      <rect class="whisker" x={`${middle}%`} y="6" width={`${Math.max(to - middle, 0)}%`} height="2" />
    </svg>
  );
}

function Hops({ hops }: { hops: Hop[] }) {
  const most = hops.reduce((high, hop) => Math.max(high, hop.p99), 0.001);
  const shown = [...hops].sort((one, other) => other.p95 - one.p95).slice(0, 100);
  return (
    <section class="scroll card" tabIndex={0} aria-label="Each hop">
      <table>
        <thead>
          <tr>
            <th scope="col">Hop</th>
            <th scope="col">Group</th>
            <th scope="col">p50 to p99</th>
            {["p50", "p95", "p99", "Count"].map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((hop) => (
            <tr key={`${hop.kind} ${hop.source} ${hop.target} ${hop.group}`}>
              <td>
                <b>{hop.kind === "send" ? hop.source : hop.target}</b> <span class="quiet">{VERBS[hop.kind]}</span>{" "}
                {hop.kind === "send" ? hop.target : hop.source}
              </td>
              <td>{hop.group ?? "–"}</td>
              <td class="ranges">
                <Range hop={hop} most={most} />
              </td>
              <td class="number">{duration(hop.p50)}</td>
              <td class="number">{duration(hop.p95)}</td>
              <td class="number">{duration(hop.p99)}</td>
              <td class="number">{number(hop.count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function DurationsView() {
  const { choices } = useRoute();
  const time = useTime();
  const { destination = "" } = choices;
  const destinations = useLive(({ snapshot }) => snapshot?.destinations);
  const heat = useAnswer<HeatAnswer>(question("heat", { ...time.range, destination }));
  const latency = useAnswer<LatencyAnswer>(question("latency", { ...time.range, destination }));
  const options = (destinations ?? []).map(({ name }) => ({ value: name, text: name }));
  const silent = heat.data?.counts.every((row) => row.every((count) => !count));
  return (
    <>
      <Head title="Durations" says="How long processing takes, how long events take from origin to end, and where.">
        <Select
          label="Destination"
          value={destination}
          options={[{ value: "", text: "all" }, ...options]}
          change={(value) => choose({ destination: value })}
        />
        <TimeSpan time={time} />
      </Head>
      <h2>Processing</h2>
      <Answered answer={heat} empty={silent ? "Nothing was processed in this time." : null}>
        {(data) => (
          <section class="card" aria-label="Processing durations">
            <HeatMap heat={data} />
            <p class="legend small">
              <span class="shades" aria-hidden="true">
                {[1, 2, 3, 4, 5, 6].map((shade) => (
                  <i key={shade} class={`shade-${shade}`} />
                ))}
              </span>
              <span>darker: more messages</span>
              <span class="dot failed">an interval with failures</span>
            </p>
          </section>
        )}
      </Answered>
      <h2>From origin to end</h2>
      <Answered
        answer={latency}
        empty={latency.data?.ends.length === 0 ? "No event reached an end in this time." : null}
      >
        {(data) => (
          <div class="cards">
            {data.ends.slice(0, 12).map((end) => (
              <Ends key={`${end.origin}\n${end.final}`} end={end} />
            ))}
          </div>
        )}
      </Answered>
      {latency.data && latency.data.hops.length > 0 && (
        <>
          <h2>Each hop, the slowest first</h2>
          <Hops hops={latency.data.hops} />
          <LeftOff of={latency.data.left_off} />
        </>
      )}
    </>
  );
}
