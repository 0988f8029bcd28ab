/** Lag and queue time: how far each group is behind, in messages and in seconds, and what is to come. */

import { useMemo, useState } from "preact/hooks";
import type uPlot from "uplot";
import type { LagAnswer, LagSeries } from "../answers";
import type { Known } from "../api";
import { question } from "../ask";
import { clock, compact, duration, number } from "../format";
import { useAnswer } from "../live";
import { axes, type Build, Chart, countAxes } from "../parts/chart";
import { Answered, Empty, Head, LeftOff, More, Search } from "../parts/common";
import { TimeSpan, useTime } from "../parts/span";
import { choose, useRoute } from "../route";

const FIRST = 10;
const SILENT_SECONDS = 150; // from which on nothing was reported: the SDKs report once a minute, if not told otherwise

/** Returns the columns of the chart of messages: time, lag, and the forecast's low, middle and high. */
function messages({ points, forecast }: LagSeries): uPlot.AlignedData {
  const ahead = forecast?.points ?? [];
  const none = <T,>(list: T[]): Known[] => list.map(() => null);
  const column = (place: 1 | 2 | 3) => [...none(points), ...ahead.map((point) => point[place])];
  return [
    [...points.map(([time]) => time), ...ahead.map(([time]) => time)],
    [...points.map(([, lag]) => lag), ...none(ahead)],
    column(1),
    column(2),
    column(3),
  ];
}

function times({ points }: LagSeries): uPlot.AlignedData {
  return [points.map(([time]) => time), points.map(([, , behind]) => behind), points.map(([, , , queue]) => queue)];
}

const fromZero: uPlot.Scale = { range: (_, __, high) => [0, Math.max((high ?? 0) * 1.1, 0.001)] };

/** Returns the gaps in which nothing was reported for long; lines go on over the others. */
const gaps: uPlot.Series.GapsRefiner = (plot, _series, _from, _to, found) => {
  const time = (pixel: number) => plot.posToVal(pixel, "x", true);
  return found.filter(([from, to]) => time(to) - time(from) > SILENT_SECONDS);
};

/** Shows the readings that no line leads to. */
const alone: uPlot.Series.Points = {
  size: 5,
  filter: (plot, series) => {
    const times = plot.data[0];
    const known = [...(plot.data[series] ?? [])].flatMap((value, place) => (value == null ? [] : [place]));
    const far = (one?: number, other?: number) =>
      one === undefined || other === undefined || Math.abs((times[one] ?? 0) - (times[other] ?? 0)) > SILENT_SECONDS;
    return known.filter((place, turn) => far(place, known[turn - 1]) && far(place, known[turn + 1]));
  },
};

const quietCursor: uPlot.Cursor = { y: false, drag: { x: false, y: false } };

const builtMessages: Build = (ink) => ({
  axes: countAxes(ink, compact),
  scales: { x: { time: true }, y: { ...fromZero } },
  legend: { show: false },
  cursor: quietCursor,
  bands: [{ series: [4, 2], fill: ink("forecast-band") }],
  series: [
    {},
    { label: "lag", stroke: ink("one"), width: 2, fill: ink("one-soft"), points: alone, gaps },
    { label: "lowest", stroke: ink("forecast"), width: 0.5, points: { show: false } },
    { label: "forecast", stroke: ink("forecast"), width: 2, dash: [6, 4], points: { show: false } },
    { label: "highest", stroke: ink("forecast"), width: 0.5, points: { show: false } },
  ],
});

const builtTimes: Build = (ink) => ({
  axes: axes(ink, duration),
  scales: { x: { time: true }, y: { ...fromZero } },
  legend: { show: false },
  cursor: quietCursor,
  series: [
    {},
    { label: "lag time", stroke: ink("one"), width: 2, points: alone, gaps },
    { label: "queue time", stroke: ink("two"), width: 2, points: alone, gaps },
  ],
});

/** Returns the newest value that is known in a column. */
function newest(series: LagSeries, column: 1 | 2 | 3): Known {
  return series.points.findLast((point) => point[column] !== null)?.[column] ?? null;
}

function Series({ series }: { series: LagSeries }) {
  const { destination, group, points, forecast } = series;
  const lag = useMemo(() => messages(series), [series]);
  const behind = useMemo(() => times(series), [series]);
  const name = `${destination}, ${group ?? "no group"}`;
  const told = (index: number) => {
    const [time, count, seconds, queue] = points[index] ?? [];
    if (time !== undefined) {
      return `${clock(time)}: lag ${number(count)}, ${duration(seconds)}; queue time ${duration(queue)}`;
    }
    const [ahead, low, , high] = forecast?.points[index - points.length] ?? [];
    return `Forecast for ${clock(ahead)}: ${number(low)} to ${number(high)}`;
  };
  return (
    <section class="card" aria-label={name}>
      <header>
        <h2>
          {destination} <span class="arrow">→</span> {group ?? <span class="quiet">no group</span>}
        </h2>
        <p class="totals">
          <span>lag {number(newest(series, 1))}</span>
          <span>behind {duration(newest(series, 2))}</span>
          <span>queue time {duration(newest(series, 3))}</span>
          {series.unknown_sends > 0 && (
            <span>{number(series.unknown_sends)} sent an hour before, or by nobody known</span>
          )}
        </p>
      </header>
      {forecast && <p class="forecast">{forecast.says}</p>}
      <div class="pair">
        <figure>
          <figcaption>Messages</figcaption>
          {newest(series, 1) === null ? (
            <Empty>No process reports how many messages wait here.</Empty>
          ) : (
            <Chart label={`Lag of ${name} in messages`} shape="lag" build={builtMessages} data={lag} describe={told} />
          )}
        </figure>
        <figure>
          <figcaption>Time</figcaption>
          <Chart
            label={`Lag and queue time of ${name}`}
            shape="time"
            build={builtTimes}
            data={behind}
            describe={told}
          />
        </figure>
      </div>
    </section>
  );
}

function Charts({ answer, text }: { answer: LagAnswer; text: string }) {
  const [most, show] = useState(FIRST);
  const wanted = answer.series
    .filter(({ destination, group }) => `${destination} ${group}`.toLowerCase().includes(text.toLowerCase()))
    .sort((one, other) => Number(Boolean(other.forecast)) - Number(Boolean(one.forecast)));
  return (
    <>
      <div class="cards one">
        {wanted.slice(0, most).map((series) => (
          <Series key={`${series.destination}\n${series.group}`} series={series} />
        ))}
      </div>
      <More shown={Math.min(most, wanted.length)} all={wanted.length} more={() => show(most + FIRST)} />
      <LeftOff of={{ groups: answer.left_off }} />
    </>
  );
}

export function LagView() {
  const { choices } = useRoute();
  const time = useTime();
  const { text = "" } = choices;
  const answer = useAnswer<LagAnswer>(question("lag", time.range));
  return (
    <>
      <Head title="Lag" says="How far each group is behind, how long messages waited, and what is to come.">
        <Search label="Destination or group" value={text} change={(value) => choose({ text: value })} />
        <TimeSpan time={time} />
      </Head>
      <p class="legend">
        <span class="dot one">lag</span>
        <span class="dot two">median queue time</span>
        <span class="dot forecast-key">forecast, with the range that holds nine times of ten</span>
      </p>
      <Answered answer={answer} empty={answer.data?.series.length === 0 ? "No lag was reported in this time." : null}>
        {(data) => <Charts answer={data} text={text} />}
      </Answered>
    </>
  );
}
