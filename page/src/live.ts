/** The newest state of the system, as the server pushes it, and answers that stay fresh. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Snapshot } from "./api";
import { ask } from "./ask";

export interface Live {
  snapshot: Snapshot | null;
  connected: boolean;
  problem: string | null;
}

export interface Answer<T> {
  data: T | null;
  error: string | null;
  loading: boolean;
}

const POLL_SECONDS = 3;
const POLL_SECONDS_WITHOUT_EVENTS = 10;

let live: Live = { snapshot: null, connected: false, problem: null };
const listeners = new Set<() => void>();

function set(change: Partial<Live>): void {
  live = { ...live, ...change };
  for (const listener of listeners) listener();
}

async function poll(): Promise<void> {
  try {
    set({ snapshot: await ask<Snapshot>("api/state"), problem: null });
  } catch (error) {
    set({ problem: (error as Error).message });
  }
}

/** Listens to the server until the page is closed; where it takes no more listeners, asks it now and then. */
export function listen(): void {
  const events = new EventSource("api/events");
  events.addEventListener("state", (event) =>
    set({ snapshot: JSON.parse(event.data) as Snapshot, connected: true, problem: null }),
  );
  events.onerror = () => {
    set({ connected: false });
    if (events.readyState !== EventSource.CLOSED) return; // the browser connects again by itself
    void poll();
    window.setTimeout(listen, POLL_SECONDS_WITHOUT_EVENTS * 1000);
  };
}

/** Returns the newest state, or what is chosen of it; draws anew when that changes. */
export function useLive<T>(choose: (live: Live) => T): T {
  const [value, change] = useState(() => choose(live));
  const chosen = useRef(choose);
  chosen.current = choose;
  useEffect(() => {
    const listener = () => change(() => chosen.current(live));
    listeners.add(listener);
    listener();
    return () => void listeners.delete(listener);
  }, []);
  return value;
}

const UNKNOWN = { data: null, error: null, loading: true };

/** Returns what the server answers, asked again every few seconds while the page is seen; null asks nothing.
 *
 *  Until another question is answered there is the answer to the last one, unless that would be of another thing. */
export function useAnswer<T>(address: string | null, seconds = POLL_SECONDS, keep = true): Answer<T> {
  const [answer, change] = useState<Answer<T> & { address: string | null }>({
    data: null,
    error: null,
    loading: address !== null,
    address,
  });
  useEffect(() => {
    if (address === null) return;
    const stop = new AbortController();
    let timer = 0;
    let answered = false;
    const next = async () => {
      if (!document.hidden || !answered) {
        try {
          const data = await ask<T>(address, stop.signal);
          if (stop.signal.aborted) return;
          answered = true;
          change({ data, error: null, loading: false, address });
        } catch (error) {
          if (stop.signal.aborted) return;
          change((before) => ({ ...before, error: (error as Error).message, loading: false, address }));
        }
      }
      timer = window.setTimeout(next, seconds * 1000);
    };
    change((before) => ({ ...before, error: null, loading: true }));
    void next();
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [address, seconds]);
  if (address === null) return { ...UNKNOWN, loading: false };
  return keep || answer.address === address ? answer : UNKNOWN;
}
