// Shared by every widget: this text stands before each widget's own module.

/** Make an element: element("button", {class: "x", onclick: f}, "text", child, ...). */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/** The same for a part of a drawing: svg("line", {x1: 0, ...}). */
function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** The root of a view. JupyterLab leaves the keys pressed inside it alone, but for those that run a
 *  cell (Shift, Ctrl or Alt + Enter), which no button inside may take, and the one that saves. */
function root(el, className) {
  el.classList.add("fluxlab", className);
  el.setAttribute("data-lm-suppress-shortcuts", "true");
  const pass = (event, target) => {
    event.stopPropagation();
    event.preventDefault(); // else the browser would save the page, or press the button
    target?.dispatchEvent(new KeyboardEvent("keydown", event));
  };
  const runs = (event) => {
    const held = event.shiftKey || event.ctrlKey || event.altKey || event.metaKey;
    if (event.key !== "Enter" || !held) return;
    const cell = el.closest(".jp-Cell"); // some shortcuts look for what has the focus
    cell?.focus({ preventScroll: true });
    pass(event, cell ?? el.parentElement);
  };
  const keep = (event) => {
    if (event.key === "s" && (event.ctrlKey || event.metaKey)) pass(event, el.parentElement);
    else event.stopPropagation();
  };
  el.addEventListener("keydown", runs, true);
  el.addEventListener("keydown", keep);
  return () => {
    el.removeEventListener("keydown", runs, true);
    el.removeEventListener("keydown", keep);
  };
}

/** A line that shows model.error, in words, and is read aloud when it changes. */
function errorLine(model) {
  const line = element("div", { class: "fl-error", role: "alert" });
  const show = () => (line.textContent = model.get("error"));
  model.on("change:error", show);
  show();
  const unwatch = watchKernel(model, line);
  return [line, () => { model.off("change:error", show); unwatch(); }];
}

/** When the kernel that computes a view is gone, the view takes no more clicks, and its output
 *  says why, once. `line` is somewhere in the view. */
function watchKernel(model, line) {
  const gone = () => {
    const view = line.closest(".fluxlab");
    if (!view) return;
    for (const part of view.children) part.inert = true;
    const output = view.closest(".jp-OutputArea-child") ?? view;
    if (!output.querySelector(".fl-gone")) view.prepend(element(
      "div", { class: "fl-gone", role: "status" },
      "The kernel that computed this is gone. To go on, choose Run > Run All Above Selected Cell, "
        + "and then run this cell.",
    ));
  };
  const send = model.send;
  model.send = (...message) => {
    try {
      send(...message);
    } catch { gone(); } // it crashed or was shut down; nobody told us
  };
  model.on("comm_live_update", gone); // it was restarted; a dead model never lives again
  return () => model.off("comm_live_update", gone);
}

/** Listen to Python's messages: listen(model, {frame(message, buffers) {...}}). */
function listen(model, handlers) {
  const hear = (message, buffers) => handlers[message.type]?.(message, buffers);
  model.on("msg:custom", hear);
  return () => model.off("msg:custom", hear);
}

/** Tell Python that a view is here; the answer tells it that the view is gone, so that a widget
 *  whose output was cleared is sent nothing more. */
function hello(model, more = {}) {
  const page = Math.random().toString(36).slice(2);
  model.send({ type: "ready", page, ...more });
  return () => model.send({ type: "gone", page });
}

/** A number as a student reads it: three or four significant digits, a true minus sign. */
function number(value, digits = 4) {
  if (Number.isNaN(value)) return "not a number";
  if (value === Infinity) return "infinity";
  if (value === -Infinity) return "−infinity";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e6 || size < 1e-4
      ? value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e")
      : String(Number(value.toPrecision(digits)));
  return text.replace(/-/g, "−");
}

/** The exact value: the shortest digits that give the same float back, as Python's repr. */
function exact(value) {
  if (Number.isNaN(value)) return "NaN (not a number)";
  if (!Number.isFinite(value)) return value > 0 ? "∞ (infinity)" : "−∞ (minus infinity)";
  if (value === 0) return "0"; // also where it is −0, which is the same number
  return String(value).replace(/-/g, "−");
}

/** `text`, cut with … so that it is at most `room` wide in the context's font; and its width. */
function fitted(context, text, room) {
  const wide = (shown) => context.measureText(shown).width;
  let cut = text;
  if (wide(text) > room) {
    while (cut && wide(`${cut}…`) > room) cut = cut.slice(0, -1);
    cut += "…";
  }
  return [cut, wide(cut)];
}

/** The colours of the theme that `el` stands in, as CSS strings. */
function themeColours(el) {
  const style = getComputedStyle(el);
  const read = (name) => style.getPropertyValue(`--fl-${name}`).trim();
  return Object.fromEntries(
    Object.keys(LOOK.light).map((name) => [name, read(name)]),
  );
}

/** Call `changed` when JupyterLab, VS Code or the system switches between light and dark. */
function watchTheme(changed) {
  const observer = new MutationObserver(changed);
  observer.observe(document.body, {
    attributes: true,
    attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class"],
  });
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", changed);
  };
}

/** Send the newest value, with at most three requests under way; stale ones are dropped.
 *  Python answers each with {type: "done", seq}. */
function inFlight(model, limit = 3) {
  let under = 0, sequence = 0, waiting = null;
  const pump = () => {
    while (waiting && under < limit) {
      under += 1;
      model.send({ ...waiting, seq: ++sequence });
      waiting = null;
    }
  };
  return {
    send(message) { waiting = message; pump(); },
    done() { under = Math.max(0, under - 1); pump(); },
    busy() { return under > 0 || waiting !== null; },
  };
}
