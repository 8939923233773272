const NOTCHES = 400; // places of a slider
const KEYS = {
  ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1,
  PageUp: NOTCHES / 10, PageDown: -NOTCHES / 10, End: NOTCHES, Home: -NOTCHES,
};

function render({ model, el }) {
  const tidy = [root(el, "fl-knobs")];
  const [error, forgetError] = errorLine(model);
  const body = element("div", { class: "fl-groups" });
  const menus = element("div", { class: "fl-menus" });
  const reset = element(
    "button",
    { type: "button", class: "fl-reset", title: "every knob back to its first value",
      "data-lm-suppress-shortcuts": "true", onclick: () => model.send({ type: "reset" }) },
    "reset",
  );
  el.append(element("div", { class: "fl-frame" }, menus, body, reset), error);
  let knobs = [], choices = new Map(), session = null;

  /** Where `value` stands on the slider, and back. */
  const toNotch = (knob, value) => {
    const [low, high, at] = [knob.low, knob.high, value].map(knob.log ? Math.log : Number);
    return Math.round(((at - low) / (high - low)) * NOTCHES);
  };
  const toValue = (knob, notch) => {
    const share = notch / NOTCHES;
    const value = knob.log
      ? Math.exp(Math.log(knob.low) * (1 - share) + Math.log(knob.high) * share)
      : knob.low + (knob.high - knob.low) * share;
    return Number(value.toPrecision(knob.log ? 3 : 6)); // 0.35, not 0.35000000000000003
  };

  const show = (knob) => {
    knob.slider.value = toNotch(knob, knob.value);
    knob.slider.setAttribute("aria-valuetext", number(knob.value));
    if (document.activeElement !== knob.field) knob.field.value = number(knob.value, 6);
    const zero = Math.min(1, Math.max(0, knob.log ? 0 : -knob.low / (knob.high - knob.low)));
    const at = Math.min(1, Math.max(0, toNotch(knob, knob.value) / NOTCHES));
    knob.slider.style.setProperty("--fl-from", `${100 * Math.min(zero, at)}%`);
    knob.slider.style.setProperty("--fl-to", `${100 * Math.max(zero, at)}%`);
    knob.slider.style.setProperty(
      "--fl-sign", knob.log ? "var(--fl-accent)" : knob.value < 0 ? "var(--fl-low)" : "var(--fl-high)");
  };
  const refuse = (knob, words) => {
    knob.words.textContent = words;
    knob.field.setAttribute("aria-invalid", String(Boolean(words)));
  };

  const light = (knob, on) =>
    window.dispatchEvent(
      new CustomEvent("fluxlab:light", {
        detail: { session, matrices: [], steps: [],
                  cells: on ? [{ matrix: knob.matrix, index: knob.index }] : [] },
      }),
    );

  const make = (group, { number: which, index, log, label, place }) => {
    const of = group.scope && !place.includes(group.scope) ? ` of ${group.scope}` : "";
    const full = `${label}${of}${place ? ` (${place})` : ""}`;
    const keep = { "data-lm-suppress-shortcuts": "true" };
    const knob = { which, matrix: group.matrix, index, log, low: 0, high: 1, value: 0 };
    knob.slider = element("input", {
      type: "range", min: 0, max: NOTCHES, step: 1, "aria-label": full, ...keep });
    knob.field = element("input", {
      type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", size: 7,
      "aria-label": `${full}, exact number`, "aria-describedby": `${session}-words-${which}`, ...keep });
    knob.words = element("span", {
      class: "fl-refused", role: "alert", id: `${session}-words-${which}` });
    knob.sender = inFlight(model);
    const moved = () => {
      knob.value = toValue(knob, Number(knob.slider.value));
      show(knob);
      refuse(knob, "");
      knob.sender.send({ type: "set", knob: which, value: knob.value });
    };
    knob.slider.addEventListener("input", moved);
    // After a key press that repaints the page, Chromium holds back all messages until the next
    // frame, the kernel's answers too. So the slider moves a task later than its key.
    knob.slider.addEventListener("keydown", (event) => {
      const notches = KEYS[event.key];
      if (notches === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      setTimeout(() => {
        const before = knob.slider.value;
        knob.slider.value = Number(before) + notches;
        if (knob.slider.value !== before) moved();
      });
    });
    const typed = () => {
      if (knob.field.value !== exact(knob.value))
        model.send({ type: "typed", knob: which, text: knob.field.value });
      else refuse(knob, "");
    };
    knob.field.addEventListener("change", typed);
    knob.field.addEventListener("focus", () => {
      refuse(knob, ""); // what was refused is no longer there
      knob.field.value = exact(knob.value); // every digit, to be changed
      knob.field.select();
    });
    knob.field.addEventListener("blur", () => show(knob));
    knob.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") return typed();
      if (event.key !== "Escape") return;
      knob.field.value = exact(knob.value);
      refuse(knob, "");
    });
    knob.name = element(
      "button",
      { type: "button", class: "fl-link fl-label", title: `select ${full} everywhere`, ...keep,
        onclick: () => model.send({ type: "select", knob: which }) },
      label,
    );
    knob.row = element(
      "div", { class: "fl-knob" }, knob.name, knob.slider, knob.field,
      place ? element("span", { class: "fl-muted fl-place" }, place) : null, knob.words);
    knob.row.addEventListener("mouseenter", () => light(knob, true));
    knob.row.addEventListener("mouseleave", () => light(knob, false));
    knobs[which] = knob;
    return knob.row;
  };

  /** The sliders of a matrix, which stand as its cells do if all are there and few side by side. */
  const rowsOf = (group) => {
    const [rows, columns] = group.shape.length === 2 ? group.shape : [0, 0];
    const whole = rows * columns === group.knobs.length && columns > 1 && columns <= 4;
    return element("div", {
      class: `fl-rows${whole ? " fl-grid" : ""}`, style: whole ? `--fl-columns: ${columns}` : null,
    }, ...group.knobs.map((knob) => make(group, knob)));
  };

  const choose = ({ name, label, options }) => {
    const select = element("select", { "aria-label": label, "data-lm-suppress-shortcuts": "true" });
    for (const [value, text] of options)
      select.append(element("option", { value: JSON.stringify(value) }, text.replaceAll("_", " ")));
    select.addEventListener("change", () =>
      model.send({ type: "choose", name, value: JSON.parse(select.value) }));
    choices.set(name, select);
    return element("label", { class: "fl-menu" }, element("span", { class: "fl-muted" }, label), select);
  };

  const lit = ({ detail }) => {
    if (detail.session !== session) return;
    for (const knob of knobs) {
      const same = (cell) => cell.matrix === knob.matrix && String(cell.index) === String(knob.index);
      knob.row.classList.toggle("fl-lit", (detail.cells ?? []).some(same));
    }
  };
  window.addEventListener("fluxlab:light", lit);

  tidy.push(
    listen(model, {
      layout(message) {
        session = message.session;
        const held = document.activeElement?.getAttribute?.("aria-label");
        const inside = el.contains(document.activeElement);
        [knobs, choices] = [[], new Map()];
        menus.replaceChildren(...message.choices.map(choose));
        body.replaceChildren(
          ...message.groups.map((group) =>
            element(
              "div", { class: "fl-group", role: "group",
                       "aria-label": `${group.title}${group.scope ? ` of ${group.scope}` : ""}` },
              group.knobs.length > 1
                ? element("div", { class: "fl-title" },
                    element("em", {}, group.title),
                    element("span", { class: "fl-muted" },
                      [group.shape.join("×"), group.scope].filter(Boolean).join(" · ")))
                : null,
              rowsOf(group),
            ),
          ),
        );
        if (inside && held)
          [...el.querySelectorAll("input, select, button")]
            .find((control) => control.getAttribute("aria-label") === held)?.focus();
      },
      values(message, [numbers]) {
        const view = new Float64Array(numbers.buffer.slice(numbers.byteOffset, numbers.byteOffset + numbers.byteLength));
        for (const knob of knobs) {
          [knob.low, knob.high] = message.ranges[knob.which];
          if (knob.sender.busy()) continue; // the hand is ahead of the kernel
          knob.value = view[knob.which];
          show(knob);
          const chosen = message.selection;
          knob.row.classList.toggle("fl-chosen", Boolean(chosen) && chosen[0] === knob.matrix
            && String(chosen[1]) === String(knob.index));
        }
        for (const [name, value] of Object.entries(message.chosen))
          choices.get(name).value = JSON.stringify(value);
      },
      accepted({ knob }) {
        refuse(knobs[knob], "");
        if (document.activeElement === knobs[knob].field) knobs[knob].field.value = exact(knobs[knob].value);
      },
      refused({ knob, words }) {
        refuse(knobs[knob], words);
        show(knobs[knob]);
      },
      done({ knob, accepted }) {
        if (!knobs[knob]) return;
        if (accepted) refuse(knobs[knob], "");
        knobs[knob].sender.done();
      },
    }),
  );
  tidy.push(forgetError);
  tidy.push(hello(model));
  return () => {
    window.removeEventListener("fluxlab:light", lit);
    tidy.forEach((undo) => undo());
  };
}

export default { render };
