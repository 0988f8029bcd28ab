/** One event's way, by any name that a person knows of it. */

import { useState } from "preact/hooks";
import type { TraceAnswer } from "../answers";
import { question } from "../ask";
import { useAnswer } from "../live";
import { Answered, Empty, Head } from "../parts/common";
import { Waterfall } from "../parts/waterfall";
import { choose, link, useRoute } from "../route";

function Way({ answer }: { answer: TraceAnswer }) {
  if (!answer.spans.length) {
    return (
      <>
        <Empty>Nothing is known of “{answer.event}”.</Empty>
        {answer.near.length > 0 && (
          <>
            <h2>Called nearly so</h2>
            <ul>
              {answer.near.map((name) => (
                <li key={name}>
                  <a class="mono" href={link("event", { event: name })}>
                    {name}
                  </a>
                </li>
              ))}
            </ul>
          </>
        )}
      </>
    );
  }
  const jaeger = answer.spans.find((span) => span.jaeger && /^https?:/.test(span.jaeger))?.jaeger;
  return (
    <section class="card" aria-label="The event's way">
      <header>
        <h2 class="mono">{answer.event}</h2>
        {jaeger && (
          <a href={jaeger} target="_blank" rel="noreferrer">
            Open in Jaeger
          </a>
        )}
      </header>
      <Waterfall spans={answer.spans} />
      {answer.missing.map((line) => (
        <p class="warn" key={line}>
          Missing: {line}
        </p>
      ))}
    </section>
  );
}

export function EventView() {
  const { event = "" } = useRoute().choices;
  const [typed, type] = useState<string | null>(null);
  const answer = useAnswer<TraceAnswer>(event ? question("trace", { event }) : null, 10, false);
  const submit = (submitted: Event) => {
    submitted.preventDefault();
    choose({ event: (typed ?? event).trim() || null });
    type(null);
  };
  return (
    <>
      <Head
        title="One event"
        says="Follow one event by its trace id, message id, correlation id, key, or place: topic/partition/offset."
      />
      <form class="ask" onSubmit={submit}>
        <label class="field grow">
          <span>Event</span>
          <input
            type="search"
            value={typed ?? event}
            placeholder="orders/0/42, a message id, a trace id …"
            maxLength={500}
            onInput={(input) => type(input.currentTarget.value)}
          />
        </label>
        <button type="submit" class="main">
          Follow
        </button>
      </form>
      {!event && <Empty>A finding, a message of the delivery chart and a span lead here, too.</Empty>}
      {event && (
        <Answered answer={answer} empty={null}>
          {(data) => <Way answer={data} />}
        </Answered>
      )}
    </>
  );
}
