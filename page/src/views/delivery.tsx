/** The delivery chart: what has become of the messages of each interval of sending. A gap that stays is a loss. */

import { useMemo, useState } from "preact/hooks";
import type uPlot from "uplot";
import type { DeliveryAnswer, DeliverySeries, Interval } from "../answers";
import type { MessageState } from "../api";
import { question } from "../ask";
import { clock, duration, number, plural } from "../format";
import { useAnswer } from "../live";
import { bars, middles } from "../parts/bars";
import { type Build, Chart, countAxes } from "../parts/chart";
import { Answered, Head, More, Search } from "../parts/common";
import { Messages } from "../parts/messages";
import { TimeSpan, useTime } from "../parts/span";
import { choose, useRoute } from "../route";

const STATES: { state: Exclude<MessageState, "sent">; text: string }[] = [
  { state: "processed", text: "processed" },
  { state: "under_way", text: "under way" },
  { state: "failed", text: "failed" },
  { state: "lost", text: "lost" },
  { state: "unsent", text: "not sent" },
];
const FIRST = 12;

/** Returns the tops of the bars: each state stands on those before it. */
function stacked(intervals: Interval[], step: number): uPlot.AlignedData {
  const sums = intervals.map(() => 0);
  const tops = STATES.map(({ state }) =>
    intervals.map((interval, turn) => {
      sums[turn] = (sums[turn] ?? 0) + interval[state];
      return sums[turn] ?? 0;
    }),
  );
  return [intervals.map((interval) => interval.time + step / 2), ...tops.reverse()] as uPlot.AlignedData;
}

function described(interval: Interval): string {
  const parts = STATES.filter(({ state }) => interval[state] > 0).map(
    ({ state, text }) => `${interval[state]} ${text}`,
  );
  return `${clock(interval.time)}: ${interval.sent} sent${parts.length ? `, ${parts.join(", ")}` : ""}`;
}

function built(step: number): Build {
  return (ink) => ({
    axes: countAxes(ink, number),
    scales: { x: middles(step), y: { range: (_, __, high) => [0, Math.max(high * 1.1, 1)] } },
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    series: [
      {},
      ...[...STATES].reverse().map(({ state, text }) => ({
        label: text,
        fill: ink(state.replace("_", "-")),
        width: 0,
        points: { show: false },
        paths: bars(step),
      })),
    ],
  });
}

function Series({ series, step }: { series: DeliverySeries; step: number }) {
  const [picked, pick] = useState<number | null>(null);
  const data = useMemo(() => stacked(series.intervals, step), [series.intervals, step]);
  const { destination, group, total, intervals } = series;
  const chosen = intervals.find((interval) => interval.time === picked);
  const name = `${destination} to ${group ?? "no group"}`;
  return (
    <section class={`card${total.lost ? " alarm" : ""}${chosen ? " wide-card" : ""}`} aria-label={name}>
      <header>
        <h2>
          {destination} <span class="arrow">→</span> {group ?? <span class="quiet">no group</span>}
        </h2>
        <p class="totals">
          <span>{number(total.sent)} sent</span>
          {STATES.filter(({ state }) => total[state] > 0).map(({ state, text }) => (
            <span key={state} class={`dot ${state}`}>
              {number(total[state])} {text}
            </span>
          ))}
        </p>
      </header>
      <Chart
        label={`Messages of ${name} by the time they were sent. Arrow keys move, Enter lists the messages.`}
        shape={String(step)}
        build={built(step)}
        data={data}
        describe={(index) => (intervals[index] ? described(intervals[index]) : "")}
        pick={(index) => pick(intervals[index]?.time ?? null)}
      />
      <p class="quiet small">A message counts as lost {duration(series.grace)} after it was sent.</p>
      {chosen && (
        <Messages
          title={described(chosen)}
          states={STATES.filter(({ state }) => chosen[state] > 0)}
          range={{ destination, group: group ?? "", since: chosen.time, until: chosen.time + step }}
          close={() => pick(null)}
        />
      )}
    </section>
  );
}

function trouble({ total }: DeliverySeries): number {
  return total.lost * 1e6 + (total.failed + total.unsent) * 1e3 + total.under_way;
}

function Charts({ answer, text }: { answer: DeliveryAnswer; text: string }) {
  const [most, show] = useState(FIRST);
  const wanted = answer.series
    .filter(({ destination, group }) => `${destination} ${group}`.toLowerCase().includes(text.toLowerCase()))
    .sort((one, other) => Math.sign(trouble(other)) - Math.sign(trouble(one)) || trouble(other) - trouble(one));
  return (
    <>
      <div class="cards">
        {wanted.slice(0, most).map((series) => (
          <Series key={`${series.destination}\n${series.group}`} series={series} step={answer.step} />
        ))}
      </div>
      <More shown={Math.min(most, wanted.length)} all={wanted.length} more={() => show(most + FIRST)} />
      {answer.left_off > 0 && <p class="quiet">{plural(answer.left_off, "more series")} the server left off.</p>}
    </>
  );
}

export function DeliveryView() {
  const { choices } = useRoute();
  const time = useTime();
  const { text = "" } = choices;
  const answer = useAnswer<DeliveryAnswer>(question("delivery", time.range));
  return (
    <>
      <Head
        title="Delivery"
        says="What has become of the messages that were sent in each interval. A gap that stays is a loss. Choose a bar to list its messages."
      >
        <Search label="Destination or group" value={text} change={(value) => choose({ text: value })} />
        <TimeSpan time={time} />
      </Head>
      <p class="legend">
        {STATES.map(({ state, text }) => (
          <span key={state} class={`dot ${state}`}>
            {text}
          </span>
        ))}
      </p>
      <Answered answer={answer} empty={answer.data?.series.length === 0 ? "No message was sent in this time." : null}>
        {(data) => <Charts answer={data} text={text} />}
      </Answered>
    </>
  );
}
