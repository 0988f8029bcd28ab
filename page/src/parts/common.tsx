/** Small parts that all views share. */

import type { ComponentChildren } from "preact";
import type { Verdict } from "../api";
import { number } from "../format";
import type { Answer } from "../live";

export function Badge({ verdict }: { verdict: Verdict }) {
  return <span class={`badge ${verdict.toLowerCase()}`}>{verdict.toLowerCase()}</span>;
}

export function Tile({ value, name, tone }: { value: string; name: string; tone?: string | undefined }) {
  return (
    <div class="tile">
      <b class={tone}>{value}</b>
      <span>{name}</span>
    </div>
  );
}

export function Head({ title, children, says }: { title: string; says: string; children?: ComponentChildren }) {
  return (
    <header class="view-head">
      <div>
        <h1>{title}</h1>
        <p class="quiet">{says}</p>
      </div>
      {children && <div class="tools">{children}</div>}
    </header>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** Shows that an answer is awaited, or failed, or is empty; else what it gives. */
export function Answered<T>(props: {
  answer: Answer<T>;
  empty: string | null;
  children: (data: T) => ComponentChildren;
}) {
  const { data, error, loading } = props.answer;
  return (
    <>
      {error && (
        <p class="problem" role="alert">
          {error}
        </p>
      )}
      {data !== null && (props.empty ? <Empty>{props.empty}</Empty> : props.children(data))}
      {data === null && loading && <Empty>Asking the server …</Empty>}
    </>
  );
}

export interface Option {
  value: string;
  text: string;
}

export function Select(props: { label: string; value: string; options: Option[]; change: (value: string) => void }) {
  return (
    <label class="field">
      <span>{props.label}</span>
      <select value={props.value} onChange={(event) => props.change(event.currentTarget.value)}>
        {props.options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Search(props: { label: string; value: string; change: (value: string) => void; hint?: string }) {
  return (
    <label class="field grow">
      <span>{props.label}</span>
      <input
        type="search"
        value={props.value}
        placeholder={props.hint ?? ""}
        onInput={(event) => props.change(event.currentTarget.value)}
      />
    </label>
  );
}

/** A list that grows by a button, so that much does not make the page slow. */
export function More({ shown, all, more }: { shown: number; all: number; more: () => void }) {
  if (shown >= all) return null;
  return (
    <button type="button" class="more" onClick={more}>
      Show more: {shown} of {all} are shown
    </button>
  );
}

/** Shows a sentence with what stands between backticks as code. */
export function Words({ text }: { text: string }) {
  return <>{text.split("`").map((piece, turn) => (turn % 2 ? <code key={turn}>{piece}</code> : piece))}</>;
}

/** Says what an answer leaves off: how many of each. */
export function LeftOff({ of }: { of: Record<string, number> }) {
  const told = Object.entries(of).filter(([, count]) => count > 0);
  if (!told.length) return null;
  return (
    <p class="quiet small">Not shown: {told.map(([what, count]) => `${number(count)} more ${what}`).join(", ")}.</p>
  );
}
