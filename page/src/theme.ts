/** Light, dark, or as the system is; kept in the browser. */

export type Theme = "system" | "light" | "dark";
const KEY = "otel-eda.theme";
export const THEMES: Theme[] = ["system", "light", "dark"];

export function theme(): Theme {
  try {
    const kept = window.localStorage.getItem(KEY);
    return THEMES.find((name) => name === kept) ?? "system";
  } catch {
    return "system"; // the browser may forbid it
  }
}

/** Shows the page in a theme; without one in the kept one. */
export function apply(chosen: Theme = theme()): void {
  document.documentElement.dataset.theme = chosen;
  try {
    window.localStorage.setItem(KEY, chosen);
  } catch {
    // then it lasts until the page is closed
  }
  window.dispatchEvent(new Event("theme"));
}
