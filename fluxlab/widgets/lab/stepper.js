const PAIRS = ["operation", "layer", "forward", "backward", "update", "iteration"];
const SAYS = {
  operation: ["one operation", "→", "←"],
  layer: ["one layer, or the next part of one that has parts: a time step, an encoder", "shift →", "shift ←"],
  forward: ["the whole forward pass"],
  backward: ["the whole backward pass"],
  update: ["the update of the parameters"],
  iteration: ["one full iteration"],
};
const SLOWEST = 0.5, FASTEST = 120; // steps per second; the slider's last notch has no limit

const icon = (path) =>
  svg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("path", { d: path }));
const ON = "M2 1 L9 5 L2 9 Z", BACK = "M8 1 L1 5 L8 9 Z", SQUARE = "M1.5 1.5 H8.5 V8.5 H1.5 Z";

const rateOf = (notch) =>
  notch >= 100 ? null : SLOWEST * (FASTEST / SLOWEST) ** (notch / 99);
const notchOf = (rate) =>
  rate == null
    ? 100
    : Math.round((99 * Math.log(rate / SLOWEST)) / Math.log(FASTEST / SLOWEST));
const rateText = (rate) =>
  rate == null ? "as fast as it goes" : `${rate < 10 ? number(rate, 2) : Math.round(rate)} a second`;
const rateMark = (rate) => (rate == null ? "max" : `${rate < 10 ? number(rate, 2) : Math.round(rate)}/s`);

function render({ model, el }) {
  const tidy = [root(el, "fl-stepper")];
  let state = null, pending = 0;
  const press = (button, repeated = false) => {
    if (repeated && pending >= 3) return; // a held key builds no backlog
    pending += 1;
    model.send({ type: "press", button });
  };

  const buttons = {};
  const make = (name, attributes, ...inside) => {
    const button = element(
      "button",
      // Its full name comes with the first state; until then it is called after what it does.
      {
        type: "button", "data-lm-suppress-shortcuts": "true",
        "aria-label": name.replace("_", " "), ...attributes,
      },
      ...inside,
    );
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-disabled") === "true") spoken.textContent = button.title;
      else press(name === "play" && state?.playing ? "stop" : name);
    });
    return (buttons[name] = button);
  };
  const pair = (unit) =>
    element(
      "span", { class: "fl-pair", role: "group", "aria-label": unit },
      make(`back_${unit}`, { class: "fl-back" }, icon(BACK)),
      make(unit, { class: unit === "operation" ? "fl-main" : "" }, unit, icon(ON)),
    );

  const speed = element("input", {
    type: "range", min: 0, max: 100, step: 1, "aria-label": "speed of play",
    "data-lm-suppress-shortcuts": "true",
  });
  const rate = element("span", { class: "fl-muted fl-rate" });
  const unit = element(
    "select", { "aria-label": "play repeats", "data-lm-suppress-shortcuts": "true" },
    element("option", { value: "operation" }, "operations"),
    element("option", { value: "iteration" }, "iterations"),
  );
  const playLabel = element("span", {}, "play");
  const playIcon = element("span", { class: "fl-icon" }, icon(ON));
  const showRate = () => {
    const text = rateText(rateOf(Number(speed.value)));
    rate.textContent = rateMark(rateOf(Number(speed.value)));
    speed.title = rate.title = text;
    speed.setAttribute("aria-valuetext", text);
  };
  speed.addEventListener("input", () => {
    showRate();
    model.send({ type: "speed", value: rateOf(Number(speed.value)) });
  });
  unit.addEventListener("change", () => model.send({ type: "unit", value: unit.value }));

  const [dock, undock] = docking(model, el);
  tidy.push(undock);
  const bar = element(
    "div", { class: "fl-bar", role: "toolbar", "aria-label": "steps" },
    pair("operation"), pair("layer"),
    element("span", { class: "fl-passes" }, pair("forward"), pair("backward"), pair("update")),
    pair("iteration"),
    element(
      "span", { class: "fl-player" },
      make("play", { class: "fl-play" }, playIcon, playLabel), unit, speed, rate,
    ),
    dock,
  );

  const where = element("span", { class: "fl-where fl-muted" });
  const formula = element("span", { class: "fl-formula" });
  const words = element("span", { class: "fl-words fl-muted" });
  const symbol = element("button", { type: "button", class: "fl-link fl-cell",
                                     "data-lm-suppress-shortcuts": "true" });
  const sum = element("span");
  const numbers = element("span", { class: "fl-numbers" }, symbol, sum);
  const numpy = element("code", { class: "fl-numpy" });
  const line = element(
    "div",
    { class: "fl-line", role: "group", "aria-label": "this step" },
    element("div", { class: "fl-told" }, where, " ", words),
    element("div", { class: "fl-detail" }, formula, numbers, numpy),
  );
  const spoken = element("div", { class: "fl-spoken", "aria-live": "polite" });
  const [error, forgetError] = errorLine(model);
  tidy.push(forgetError);
  el.append(bar, error, line, spoken);

  // Keys. A focused button keeps its own space bar; P plays and stops from everywhere.
  const keys = (event) => {
    const own = event.target.closest("input, select, button");
    const field = event.target.closest("input, select");
    const way = { ArrowRight: "", ArrowLeft: "back_" }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (way !== undefined && !field) {
      press(way + (event.shiftKey ? "layer" : "operation"), event.repeat);
    } else if ((event.key === " " && !own) || (event.key.toLowerCase() === "p" && !field)) {
      if (!event.repeat) press(state?.playing ? "stop" : "play");
    } else return;
    event.preventDefault();
  };
  el.addEventListener("keydown", keys);

  // Light up what the line is about, here and in the other widgets.
  const light = (on) =>
    window.dispatchEvent(
      new CustomEvent("fluxlab:light", {
        detail: {
          session: state?.session,
          cells: on && state.cell ? [{ matrix: state.matrix, index: state.cell }] : [],
          matrices: on && state.matrix ? [state.matrix] : [],
          steps: on && state.step != null ? [state.step] : [],
        },
      }),
    );
  line.addEventListener("mouseenter", () => state?.matrix && light(true));
  line.addEventListener("mouseleave", () => state?.matrix && light(false));
  symbol.addEventListener("click", () => {
    if (state?.cell) model.send({ type: "select", matrix: state.matrix, index: state.cell });
  });
  const lit = ({ detail }) => {
    if (!state || detail.session !== state.session) return;
    line.classList.toggle("fl-lit", (detail.steps ?? []).includes(state.step));
  };
  window.addEventListener("fluxlab:light", lit);

  const showButtons = () => {
    for (const name of PAIRS) {
      const { on, back, why, why_back } = state.buttons[name];
      const [what, keyOn, keyBack] = SAYS[name];
      const set = (button, enabled, title) => {
        button.setAttribute("aria-disabled", String(!enabled));
        button.title = title;
        button.setAttribute("aria-label", title);
      };
      const hint = (key) => (key ? `  (${key})` : "");
      // An accessible name contains the visible one: "operation: on by one operation".
      set(buttons[name], on, `${name}: ${on ? `on by ${what}${hint(keyOn)}` : why}`);
      set(buttons[`back_${name}`], back,
          `back, ${name}: ${back ? `back by ${what}${hint(keyBack)}` : why_back}`);
    }
    playLabel.textContent = state.playing ? "stop" : "play";
    playIcon.replaceChildren(icon(state.playing ? SQUARE : ON));
    buttons.play.title = state.playing ? "stop  (P)" : "play  (P)";
    if (document.activeElement !== speed) speed.value = notchOf(state.speed);
    unit.value = state.unit;
    showRate();
  };

  const showLine = () => {
    where.textContent = state.where;
    words.textContent = words.title = state.words;
    formula.innerHTML = state.formula ?? "";
    numbers.hidden = !state.cell;
    symbol.innerHTML = state.symbol ?? "";
    const name = state.cell ? `${state.title} [${state.cell.join(", ")}]` : "";
    symbol.title = `select ${name} everywhere`;
    symbol.setAttribute("aria-label", `select ${name}`);
    sum.innerHTML = state.numbers ?? "";
    numpy.textContent = state.numpy ?? "";
    line.style.setProperty("--fl-done", state.total ? state.position / state.total : 0);
    if (!state.playing || (state.speed ?? 99) <= 1)
      spoken.textContent = `${state.where}. ${state.words}`;
  };

  let frame = 0;
  tidy.push(
    listen(model, {
      state(message) {
        state = message;
        frame ||= requestAnimationFrame(() => {
          frame = 0;
          showButtons();
          showLine();
        });
      },
      done() {
        pending = Math.max(0, pending - 1);
      },
    }),
  );
  tidy.push(hello(model));
  return () => {
    cancelAnimationFrame(frame);
    window.removeEventListener("fluxlab:light", lit);
    el.removeEventListener("keydown", keys);
    tidy.forEach((undo) => undo());
  };
}

export default { render };
