/** Keeps what telemetry says from reordering the text around it, wherever a view shows it.
 *
 * A control character, such as U+202E, gets an element of its own and has no effect beyond that; so does a run of
 * letters that are written from right to left. The text stays what it is, letter by letter.
 */

import { type ComponentChild, createElement, Fragment, options, type VNode } from "preact";

const LETTER = "[\\p{Script=Hebrew}\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Thaana}\\p{Script=Nko}]";
const APART = new RegExp(`(\\p{Bidi_Control}|${LETTER}+(?:[ _.-]${LETTER}+)*)`, "u");
// What these hold is text alone, and stands alone. A fragment with text is never within a picture.
const BARE = new Set<unknown>(["bdi", "option", "style", "textarea", "title", "tspan"]);

/** Returns a text as it is, or in pieces of which every second one is apart. */
function pieces(child: ComponentChild, svg: boolean): ComponentChild {
  if (typeof child !== "string" || !APART.test(child)) return child;
  return child
    .split(APART)
    .map((part, turn) =>
      turn % 2 ? createElement(svg ? "tspan" : "bdi", svg ? { "unicode-bidi": "isolate" } : null, part) : part,
    );
}

function isolate(made: VNode): void {
  const { type } = made;
  if (type !== Fragment && (typeof type !== "string" || BARE.has(type))) return;
  const props = made.props as { children?: ComponentChild | ComponentChild[] };
  const svg = type === "text";
  const inside = props.children;
  if (Array.isArray(inside)) props.children = inside.map((child) => pieces(child, svg));
  else if (typeof inside === "string") props.children = pieces(inside, svg);
}

const before = options.vnode;
options.vnode = (made) => {
  isolate(made);
  before?.(made);
};
