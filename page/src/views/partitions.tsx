/** Partitions: who owns each, how much it has, when they changed hands. */

import type { PartitionGroup, PartitionsAnswer } from "../api";
import { question } from "../ask";
import { clock, cut, number, plural, rate, share } from "../format";
import { useAnswer, useLive } from "../live";
import { Answered, Empty, Head, Select, TimeSpan, USUAL_SECONDS } from "../parts/common";
import { choose, useRoute } from "../route";

const COLOURS = 8;
const ROW = 24;
const TOP = 20;
const MOST_ROWS = 100;

interface TimeProps {
  group: PartitionGroup;
  since: number;
  until: number;
}

/** Returns the processes, so that each keeps its colour in the table and on the time axis. */
function members({ partitions, owners }: PartitionGroup): string[] {
  const named = [...owners.map((one) => one.instance), ...partitions.map((one) => one.instance)];
  return [...new Set(named.filter((name): name is string => Boolean(name)))].sort();
}

function Owners({ group, since, until }: TimeProps) {
  const names = members(group);
  const rows = group.partitions.slice(0, MOST_ROWS).map(({ partition }) => partition);
  const place = (time: number) => `${(Math.min(Math.max((time - since) / (until - since), 0), 1) * 100).toFixed(2)}%`;
  const wide = (from: number, to: number) =>
    `${Math.max(((Math.min(to, until) - Math.max(from, since)) / (until - since)) * 100, 0.3).toFixed(2)}%`;
  const height = TOP + rows.length * ROW + 22;
  const changes = [...new Map(group.rebalances.map((one) => [`${Math.round(one.time)} ${one.kind}`, one])).values()];
  const said = `Who owned each partition from ${clock(since)} to ${clock(until)}; ${plural(changes.length, "change")} of owners`;
  return (
    <svg class="owners" width="100%" height={height} role="img" aria-label={said}>
      {rows.map((partition, row) => (
        <g key={partition}>
          <rect class="rail" x="0" y={TOP + row * ROW + 2} width="100%" height={ROW - 4} rx="3" />
        </g>
      ))}
      {group.owners.map((one) => {
        const row = rows.indexOf(one.partition);
        if (row < 0) return null;
        return (
          <rect
            key={`${one.partition} ${one.since}`}
            class={`colour-${names.indexOf(one.instance) % COLOURS}`}
            x={place(one.since)}
            y={TOP + row * ROW + 3}
            width={wide(one.since, one.until)}
            height={ROW - 6}
            rx="3"
          >
            <title>{`${one.partition}: ${one.service} ${one.instance}, ${clock(one.since)} to ${clock(one.until)}`}</title>
          </rect>
        );
      })}
      {changes.map((one) => (
        <g key={`${one.time} ${one.kind} ${one.instance} ${one.partition}`} class={`rebalance ${one.kind}`}>
          <line x1={place(one.time)} x2={place(one.time)} y1={TOP - 6} y2={TOP + rows.length * ROW} />
          <title>{`${clock(one.time)}: ${one.kind} ${one.service} ${one.instance}`}</title>
        </g>
      ))}
      <text class="tick" x="0" y={height - 5}>
        {clock(since)}
      </text>
      <text class="tick" x="100%" y={height - 5} text-anchor="end">
        {clock(until)}
      </text>
    </svg>
  );
}

function Table({ group }: { group: PartitionGroup }) {
  const names = members(group);
  const most = group.partitions.reduce((high, one) => Math.max(high, one.share), 0.0001);
  return (
    <section class="scroll" tabIndex={0} aria-label="Partitions">
      <table class="partitions">
        <thead>
          <tr>
            <th scope="col">Partition</th>
            <th scope="col">Owner</th>
            <th scope="col">Share</th>
            <th scope="col" class="number">
              Rate
            </th>
            <th scope="col" class="number">
              Lag
            </th>
          </tr>
        </thead>
        <tbody>
          {group.partitions.slice(0, MOST_ROWS).map((one) => (
            <tr key={one.partition} class={one.hot ? "hot" : ""}>
              <th scope="row" class="mono">
                {one.partition} {one.hot && <span class="badge confirmed">hot</span>}
              </th>
              <td title={one.instance ?? ""}>
                <i
                  class={`swatch colour-${one.instance ? names.indexOf(one.instance) % COLOURS : "none"}`}
                  aria-hidden="true"
                />
                {one.owner ?? "nobody"} <span class="quiet mono">{one.instance ? cut(one.instance, 14) : ""}</span>
              </td>
              <td class="share">
                <svg class="range" height="14" aria-hidden="true">
                  <rect
                    class={one.hot ? "failed" : "process"}
                    x="0"
                    y="3"
                    width={`${(one.share / most) * 100}%`}
                    height="8"
                    rx="3"
                  />
                </svg>
                {share(one.share)}
              </td>
              <td class="number">{rate(one.rate)}</td>
              <td class="number">{number(one.lag)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {group.partitions.length > MOST_ROWS && (
        <p class="quiet small">
          The first {MOST_ROWS} of {group.partitions.length}.
        </p>
      )}
    </section>
  );
}

function Group({ group, since, until }: TimeProps) {
  return (
    <section class="card" aria-label={`Group ${group.name ?? "without a name"}`}>
      <header>
        <h2>{group.name ?? <span class="quiet">no group</span>}</h2>
        <p class="totals">
          <span>{plural(group.partitions.length, "partition")}</span>
          <span>{plural(members(group).length, "process").replace("processs", "processes")}</span>
          <span>{plural(group.rebalances.length, "change")} of owners</span>
        </p>
      </header>
      <div class="pair uneven">
        <Table group={group} />
        <figure>
          <figcaption>
            Owners over time <span class="dash assigned">assigned</span> <span class="dash revoked">revoked</span>
          </figcaption>
          <Owners group={group} since={since} until={until} />
        </figure>
      </div>
    </section>
  );
}

export function PartitionsView() {
  const { choices } = useRoute();
  const { seconds = USUAL_SECONDS } = choices;
  const destinations = useLive(({ snapshot }) => snapshot?.destinations) ?? [];
  const destination =
    choices.destination || destinations.find((one) => one.system === "kafka")?.name || destinations[0]?.name;
  const answer = useAnswer<PartitionsAnswer>(destination ? question("partitions", { destination, seconds }) : null);
  return (
    <>
      <Head
        title="Partitions"
        says="Who owns each partition, how much it has to carry, and when partitions changed hands."
      >
        <Select
          label="Destination"
          value={destination ?? ""}
          options={destinations.map(({ name }) => ({ value: name, text: name }))}
          change={(value) => choose({ destination: value })}
        />
        <TimeSpan value={seconds} change={(value) => choose({ seconds: value })} />
      </Head>
      {!destination && <Empty>No destination is known yet.</Empty>}
      {destination && (
        <Answered
          answer={answer}
          empty={answer.data?.groups.length === 0 ? "It has no partitions, as far as is known." : null}
        >
          {(data) => (
            <div class="cards one">
              {data.groups.map((group) => (
                <Group key={group.name ?? ""} group={group} since={data.since} until={data.until} />
              ))}
            </div>
          )}
        </Answered>
      )}
    </>
  );
}
