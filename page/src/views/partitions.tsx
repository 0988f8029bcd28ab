/** Partitions: who owns each, how much it has, when they changed hands. */

import type { PartitionGroup, PartitionsAnswer } from "../answers";
import { question } from "../ask";
import { clock, cut, number, plural, rate, share } from "../format";
import { useAnswer, useLive } from "../live";
import { Answered, Empty, Head, LeftOff, Select } from "../parts/common";
import { TimeSpan, useTime } from "../parts/span";
import { choose, useRoute } from "../route";

const COLOURS = 8;
const ROW = 30;
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

/** Draws who owned one partition, and the moments at which partitions changed hands. */
function Owners({ group, since, until, partition, names }: TimeProps & { partition: string; names: string[] }) {
  const place = (time: number) => (Math.min(Math.max((time - since) / (until - since), 0), 1) * 100).toFixed(2);
  const wide = (from: number, to: number) => Math.max(Number(place(to)) - Number(place(from)), 0.3).toFixed(2);
  return (
    <svg class="owners" width="100%" height={ROW} aria-hidden="true">
      <rect class="rail" x="0" y="5" width="100%" height={ROW - 10} rx="3" />
      {group.owners
        .filter((one) => one.partition === partition)
        .map((one) => (
          <rect
            key={one.since}
            class={`colour-${names.indexOf(one.instance) % COLOURS}`}
            x={`${place(one.since)}%`}
            y="5"
            width={`${wide(one.since, one.until)}%`}
            height={ROW - 10}
            rx="3"
          >
            <title>{`${one.service} ${one.instance}, ${clock(one.since)} to ${clock(one.until)}`}</title>
          </rect>
        ))}
      {group.rebalances
        .filter((one) => one.partition === null || one.partition === partition)
        .map((one) => (
          <g key={`${one.time} ${one.kind} ${one.instance}`} class={`rebalance ${one.kind}`}>
            <line x1={`${place(one.time)}%`} x2={`${place(one.time)}%`} y1="0" y2={ROW} />
            <title>{`${clock(one.time)}: ${one.kind} ${one.service} ${one.instance}`}</title>
          </g>
        ))}
    </svg>
  );
}

function Row(props: TimeProps & { one: PartitionGroup["partitions"][number]; names: string[]; most: number }) {
  const { one, names, most, ...time } = props;
  const colour = one.instance ? names.indexOf(one.instance) % COLOURS : "none";
  const wide = `${(one.share / most) * 100}%`;
  return (
    <tr class={one.hot ? "hot" : ""}>
      <th scope="row" class="mono">
        {one.partition} {one.hot && <span class="badge confirmed">hot</span>}
      </th>
      <td title={one.instance ?? ""}>
        <i class={`swatch colour-${colour}`} aria-hidden="true" />
        {one.owner ?? "nobody"} <span class="quiet mono">{one.instance ? cut(one.instance, 14) : ""}</span>
      </td>
      <td class="share">
        <span>
          <svg class="range" height="14" aria-hidden="true">
            <rect class={one.hot ? "failed" : "process"} x="0" y="3" width={wide} height="8" rx="3" />
          </svg>
          {share(one.share)}
        </span>
      </td>
      <td class="number">{rate(one.rate)}</td>
      <td class="number">{number(one.lag)}</td>
      <td class="time">
        <Owners {...time} partition={one.partition} names={names} />
      </td>
    </tr>
  );
}

function Table({ group, since, until }: TimeProps) {
  const names = members(group);
  const most = group.partitions.reduce((high, one) => Math.max(high, one.share), 0.0001);
  const time = { group, since, until };
  return (
    <section class="scroll" tabIndex={0} aria-label={`Partitions of ${group.name ?? "no group"}`}>
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
            <th scope="col">
              <span class="times">
                <span>Owners from {clock(since)}</span>
                <span>to {clock(until)}</span>
              </span>
            </th>
          </tr>
        </thead>
        <tbody>
          {group.partitions.slice(0, MOST_ROWS).map((one) => (
            <Row key={one.partition} {...time} one={one} names={names} most={most} />
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
      <Table group={group} since={since} until={until} />
      <LeftOff of={{ "older owners": group.left_off.owners, "older changes": group.left_off.rebalances }} />
      <p class="legend small">
        <span class="dash assigned">assigned</span>
        <span class="dash revoked">revoked</span>
      </p>
    </section>
  );
}

export function PartitionsView() {
  const { choices } = useRoute();
  const time = useTime();

  const destinations = useLive(({ snapshot }) => snapshot?.destinations) ?? [];
  const destination =
    choices.destination || destinations.find((one) => one.system === "kafka")?.name || destinations[0]?.name;
  const answer = useAnswer<PartitionsAnswer>(
    destination ? question("partitions", { destination, ...time.range }) : null,
  );
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
        <TimeSpan time={time} />
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
