// A question, its pictures (find the bug), its feedback; and the table of progress.

const QUIET = { "data-lm-suppress-shortcuts": "true" };

/** Python writes this markup from the lesson's own text, everything else escaped. */
function marked(tag, attributes, html) {
  const made = element(tag, attributes);
  made.innerHTML = html;
  return made;
}

const finite = (value) => (typeof value === "string" ? NaN : value);

/** A difference as a heatmap: zero has the background's colour, the scale is the gradient's. */
function paintMap(canvas, cells, scale) {
  const colours = themeColours(canvas);
  const [rows, columns] = [cells.length, cells[0]?.length ?? 0];
  const side = Math.max(2, Math.min(18, Math.floor(210 / Math.max(rows, columns))));
  const ratio = window.devicePixelRatio || 1;
  canvas.style.width = `${columns * side}px`;
  canvas.style.height = `${rows * side}px`;
  canvas.width = columns * side * ratio;
  canvas.height = rows * side * ratio;
  const draw = canvas.getContext("2d");
  draw.scale(ratio, ratio);
  const gap = side > 5 ? 1 : 0;
  cells.forEach((row, r) => row.forEach((given, c) => {
    const value = finite(given);
    draw.globalAlpha = 1;
    draw.fillStyle = colours.zero;
    draw.fillRect(c * side, r * side, side - gap, side - gap);
    if (Number.isNaN(value)) {
      draw.strokeStyle = colours.bad;
      draw.strokeRect(c * side + 1.5, r * side + 1.5, side - gap - 3, side - gap - 3);
    } else {
      draw.globalAlpha = Math.min(1, Math.abs(value) / scale) ** 0.7;
      draw.fillStyle = value < 0 ? colours.low : colours.high;
      draw.fillRect(c * side, r * side, side - gap, side - gap);
    }
  }));
  return side;
}

function differenceMap(map, scale, against) {
  const title = marked("figcaption", {}, map.label);
  if (map.words) return element("figure", {}, title, element("p", {}, map.words));
  const sizes = map.cells.flat().map(finite);
  const worst = sizes.some(Number.isNaN) ? NaN : Math.max(0, ...sizes.map(Math.abs));
  const agrees = worst < 1e-4 * scale;
  const words = agrees
    ? `differs by at most ${number(worst, 1)}`
    : `differs by up to ${number(worst, 3)}`;
  const canvas = element("canvas", {
    role: "img",
    "aria-label": `${title.textContent} minus ${against}: ${words}`,
  });
  const note = element("p", { class: "fl-muted" }, words);
  let side = 1;
  canvas.addEventListener("pointermove", (event) => {
    const [r, c] = [Math.floor(event.offsetY / side), Math.floor(event.offsetX / side)];
    const value = map.cells[r]?.[c];
    if (value !== undefined) note.textContent = `[${r}, ${c}]  ${number(finite(value))}`;
  });
  canvas.addEventListener("pointerleave", () => (note.textContent = words));
  const figure = element("figure", {}, title, canvas, note);
  figure.paint = () => (side = paintMap(canvas, map.cells, scale));
  return figure;
}

/** Buttons of which one is chosen; answers by `send(value)`. */
function choiceButtons(choices, send) {
  const row = element("div", { class: "fl-choices" });
  for (const [value, html] of choices) {
    const button = marked("button", { type: "button", "aria-pressed": "false", ...QUIET }, html);
    button.value = value;
    button.addEventListener("click", () => send(value));
    row.append(button);
  }
  row.mark = (given, right) => {
    for (const button of row.children) {
      const chosen = button.value === given;
      button.setAttribute("aria-pressed", String(chosen));
      button.classList.toggle("fl-right", chosen && right);
      button.classList.toggle("fl-wrong", chosen && !right);
    }
  };
  return row;
}

function numberField(prompt, send) {
  const input = element("input", {
    type: "text", inputmode: "decimal", size: 12, autocomplete: "off",
    "aria-label": `Your number: ${prompt}`, ...QUIET,
  });
  const form = element(
    "form",
    { class: "fl-choices" },
    input,
    element("button", { type: "submit", ...QUIET }, "check"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value.trim()) send(input.value);
  });
  form.mark = (given, right) => {
    // While the student types, the field is theirs.
    if (document.activeElement !== input) input.value = String(given).replace("-", "−");
    input.classList.toggle("fl-right", right);
    input.classList.toggle("fl-wrong", !right);
  };
  return form;
}

/** A grid of cells, with their numbers if it has any; arrows move, Enter chooses. Only one cell takes part in the Tab order. */
function cellGrid(shape, named, numbers, send) {
  const [rows, columns] = shape.length === 2 ? shape : [1, shape[0] ?? 1];
  const index = (r, c) => (shape.length === 2 ? [r, c] : shape.length ? [c] : []);
  const grid = element("div", { class: "fl-cells", role: "group", "aria-label": named ? `cells of ${named}` : "cells" });
  grid.style.gridTemplateColumns = `repeat(${columns}, minmax(32px, max-content))`;
  const buttons = [];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const place = index(r, c), held = numbers[r * columns + c];
      const address = `${named}[${place.join(", ")}]`;
      const button = element("button", {
        type: "button", tabindex: r + c ? -1 : 0, title: held ? `${address} = ${held}` : address,
        "aria-label": `cell ${place.join(", ")}${held ? `, ${held}` : ""}`, "aria-pressed": "false", ...QUIET,
        onclick: () => send(place),
        onkeydown: (event) => {
          const step = {
            ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0],
          }[event.key];
          const next = step && buttons[r + step[0]]?.[c + step[1]];
          if (!step) return;
          event.preventDefault();
          if (!next) return;
          button.tabIndex = -1;
          next.tabIndex = 0;
          next.focus();
        },
      }, held ?? (rows === 1 ? String(c) : columns === 1 ? String(r) : ""));
      (buttons[r] ??= []).push(button);
      grid.append(button);
    }
  }
  grid.mark = (given, right) => buttons.flat().forEach((button, n) => {
    const place = index(Math.floor(n / columns), n % columns);
    const chosen = place.join() === [...(given ?? [])].join();
    button.setAttribute("aria-pressed", String(chosen));
    button.classList.toggle("fl-right", chosen && right);
    button.classList.toggle("fl-wrong", chosen && !right);
  });
  return grid;
}

function progressTable(rows, message) {
  const table = element("table", { class: "fl-progress" },
    element("caption", {}, "Your answers so far"),
    element("thead", {}, element("tr", {},
      ...["lesson", "answered", "right", "right at once", "shown first"].map((head) =>
        element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...rows.map(([lesson, ...more]) =>
      element("tr", {}, element("th", { scope: "row" }, lesson),
        ...more.slice(0, 4).map((count) => element("td", {}, String(count)))))),
  );
  const lists = rows.map(([lesson, , , , , questions]) => element("details", {},
    element("summary", QUIET, `the questions of ${lesson}`),
    element("ul", {}, ...questions.map(([name, mark]) => element("li", {}, `${name}: ${mark}`)))));
  return element("div", {},
    rows.length ? table : element("p", {}, "No answers yet. They appear here as you give them."),
    ...lists,
    message ? element("p", { class: "fl-error" }, message) : null);
}

export default {
  render({ model, el }) {
    const leave = root(el, "fluxlab-question");
    const [line, unline] = errorLine(model);
    const body = element("div");
    const feedback = element("div", { class: "fl-feedback", role: "status" });
    el.append(body, feedback, line);
    let field = null, pictures = null, maps = [], left = false;
    const send = (given) => model.send({ type: "answer", given });
    const paint = () => maps.forEach((map) => map.paint?.());

    /** Formula minus truth, for each formula: from the start, or after the first answer. */
    const showMaps = (message) => {
      maps = message.maps.map((map) => differenceMap(map, message.scale, message.against));
      pictures.replaceChildren(
        element("div", { class: "fl-maps" }, ...maps),
        element("p", { class: "fl-muted" },
          `Formula minus ${message.against}, cell by cell. Blank is no difference; full ` +
          `colour is ±${number(message.scale, 2)}, as large as the matrix itself gets.`));
      paint();
    };

    const unlisten = listen(model, {
      maps: showMaps,
      question(message) {
        const prompt = marked("div", { class: "fl-prompt" }, message.prompt);
        if (message.choices) field = choiceButtons(message.choices, send);
        else if (message.cells) field = cellGrid(message.cells, message.named, message.numbers, send);
        else field = numberField(prompt.textContent, send);
        const show = element("button", {
          type: "button", class: "fl-link fl-show", ...QUIET,
          onclick: () => model.send({ type: "show" }),
        }, "show me");
        if (!message.cells) field.append(show);
        pictures = element("div");
        const test = message.tests && element("button", {
          type: "button", class: "fl-link fl-show", ...QUIET,
          title: "shows each formula minus the true matrix; then it is no longer right at once",
          onclick: () => model.send({ type: "test" }),
        }, "test them");
        if (test) field.append(test);
        body.replaceChildren(prompt, pictures, field);
        if (message.named) field.before(element("div", { class: "fl-named" }, message.named));
        if (message.maps) showMaps(message);
        if (message.cells) body.append(show);
        feedback.replaceChildren();
        paint();
      },
      reply(message) {
        const judged = message.given !== null;
        if (judged) field.mark(message.given, message.right);
        const parts = [];
        if (judged) {
          parts.push(element("span",
            { class: message.right ? "fl-mark fl-good" : "fl-mark fl-bad", "aria-hidden": "true" },
            message.right ? "✓ " : "✗ "));
          parts.push(marked("span", {}, message.text));
        }
        if (message.shown && !message.right) {
          parts.push(marked("p", { class: "fl-shown" }, message.shown));
        }
        if (message.reveal) parts.push(marked("p", { class: "fl-reveal" }, message.reveal));
        feedback.replaceChildren(...parts);
      },
      progress(message) {
        body.replaceChildren(progressTable(message.rows, message.message));
      },
    });
    const unwatch = watchTheme(() => requestAnimationFrame(() => !left && paint()));
    // A page that draws this later, or scrolls it into sight, has its colours only then.
    const seen = new ResizeObserver(() => !left && paint());
    seen.observe(body);
    const bye = hello(model);
    return () => {
      left = true;
      seen.disconnect();
      bye();
      leave();
      unline();
      unlisten();
      unwatch();
    };
  },
};
