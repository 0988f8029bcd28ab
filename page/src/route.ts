/** The view and its choices, kept in the address, so that a link leads to the same picture. */

import { useEffect, useState } from "preact/hooks";

export interface Route {
  view: string;
  choices: Record<string, string>;
}

function read(): Route {
  const [view = "", query = ""] = window.location.hash.replace(/^#\/?/, "").split("?");
  return { view, choices: Object.fromEntries(new URLSearchParams(query)) };
}

/** Returns the link to a view. */
export function link(view: string, choices: Record<string, string | null | undefined> = {}): string {
  const given = Object.entries(choices).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const query = new URLSearchParams(given).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

/** Changes choices of the view that is shown; null takes one away. */
export function choose(changes: Record<string, string | null>): void {
  const { view, choices } = read();
  window.history.replaceState(null, "", link(view, { ...choices, ...changes }));
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute(): Route {
  const [route, change] = useState(read);
  useEffect(() => {
    const follow = () => change(read());
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  return route;
}
