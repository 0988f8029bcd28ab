/** Questions to the server. */

export type Value = string | number | readonly string[] | null | undefined;

/** Returns the address of a question; what is null or empty is left out. A group without a name is the empty text. */
export function question(name: string, parameters: Record<string, Value> = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (Array.isArray(value)) for (const one of value) query.append(key, one);
    else if (value !== null && value !== undefined && (value !== "" || key === "group")) query.set(key, String(value));
  }
  const text = query.toString();
  return `api/${name}${text ? `?${text}` : ""}`;
}

/** Returns what the server says is wrong. */
async function complaint(answer: Response): Promise<string> {
  if (answer.status === 401) return "Open the link that otel-eda serve printed: this page needs its token.";
  try {
    return ((await answer.json()) as { error: string }).error;
  } catch {
    return `The server answered ${answer.status}.`;
  }
}

/** Returns what the server answers. */
export async function ask<T>(address: string, signal: AbortSignal | null = null): Promise<T> {
  const answer = await fetch(address, { signal, headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(await complaint(answer));
  return (await answer.json()) as T;
}
