/** The messages of one interval of sending, by what has become of them. */

import { useState } from "preact/hooks";
import type { Message } from "../answers";
import type { MessageState } from "../api";
import { question, type Value } from "../ask";
import { clock, duration, number } from "../format";
import { useAnswer } from "../live";
import { link } from "../route";
import { Answered } from "./common";

const LIMIT = 100;

interface MessagesProps {
  title: string;
  states: { state: MessageState; text: string }[];
  range: Record<string, Value>;
  close: () => void;
}

/** Returns the name by which a message is found again. */
function event(message: Message, destination: Value): string {
  if (message.message_id) return message.message_id;
  if (message.offset !== null) return `${destination}/${message.partition}/${message.offset}`;
  return message.trace_id;
}

function Row({ message, destination }: { message: Message; destination: Value }) {
  const place = message.offset === null ? "–" : `${message.partition ?? "?"}@${message.offset}`;
  const took = message.processed_at === null ? "–" : duration(message.processed_at - message.sent_at);
  return (
    <tr>
      <td>
        <span class={`dot ${message.state}`}>{message.state.replace("_", " ")}</span>
      </td>
      <td>{clock(message.sent_at)}</td>
      <td>{message.service}</td>
      <td class="mono">{place}</td>
      <td class="mono">
        <a href={link("event", { event: event(message, destination) })}>{event(message, destination)}</a>
      </td>
      <td>{took}</td>
      <td>{message.error ?? ""}</td>
    </tr>
  );
}

export function Messages({ title, states, range, close }: MessagesProps) {
  const worst = ["lost", "failed", "unsent", "under_way"].find((name) => states.some(({ state }) => state === name));
  const [state, choose] = useState<string>(worst ?? "");
  const answer = useAnswer<{ number: number; messages: Message[] }>(
    question("delivery/messages", { ...range, state, limit: LIMIT }),
    3,
    false,
  );
  return (
    <div class="messages">
      <header>
        <h3>{title}</h3>
        <button type="button" class="close" aria-label="Close the list" onClick={close}>
          ×
        </button>
      </header>
      <div class="chips">
        {[{ state: "", text: "all" }, ...states].map((one) => (
          <button key={one.state} type="button" aria-pressed={state === one.state} onClick={() => choose(one.state)}>
            {one.text}
          </button>
        ))}
      </div>
      <Answered answer={answer} empty={answer.data?.messages.length === 0 ? "None any more." : null}>
        {(data) => (
          <>
            <section class="scroll" tabIndex={0} aria-label="Messages">
              <table>
                <thead>
                  <tr>
                    {["State", "Sent", "By", "Place", "Event", "Took", "Error"].map((name) => (
                      <th key={name} scope="col">
                        {name}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {data.messages.map((message) => (
                    <Row key={message.span_id} message={message} destination={range.destination} />
                  ))}
                </tbody>
              </table>
            </section>
            {data.number > data.messages.length && (
              <p class="quiet small">
                The first {data.messages.length} of {number(data.number)}.
              </p>
            )}
          </>
        )}
      </Answered>
    </div>
  );
}
