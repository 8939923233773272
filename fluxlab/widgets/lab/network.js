const PITCH = 38, RADIUS = 16, HEAD = 44;

/** A number that fits into a neuron. */
const short = (value) => {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.01 || size >= 1000)) return value.toExponential(0).replace("e+", "e").replace(/-/g, "−");
  return String(Number(value.toPrecision(2))).replace("0.", ".").replace("-", "−");
};

function render({ model, el }) {
  const tidy = [root(el, "fl-network")];
  const [error, forgetError] = errorLine(model);
  tidy.push(forgetError);
  const keep = { "data-lm-suppress-shortcuts": "true" };
  const show = element(
    "select", { "aria-label": "connections show", ...keep },
    element("option", { value: "value" }, "weights"),
    element("option", { value: "gradient" }, "gradients"),
  );
  show.addEventListener("change", () => model.send({ type: "show", value: show.value }));
  const sampleBox = element("span");
  const bar = element(
    "div", { class: "fl-bar" },
    element("label", {}, element("span", { class: "fl-muted" }, "connections "), show),
    element("label", {}, element("span", { class: "fl-muted" }, "sample "), sampleBox),
    element("span", { class: "fl-key fl-muted" },
      element("i", { class: "fl-low" }), "negative", element("i", { class: "fl-high" }), "positive",
      element("i", { class: "fl-late" }), "not computed yet", element("i", { class: "fl-square" }), "bias"),
  );
  const picture = svg("svg", { class: "fl-diagram", role: "group", "aria-label": "network" });
  const tip = element("div", { class: "fl-tip fl-muted" });
  const why = element("div", { class: "fl-muted", role: "status" });
  el.append(bar, element("div", { class: "fl-scroll" }, picture), tip, why, error);

  let layout = null, state = null, numbers = null, sample = null;
  let items = [], neurons = [], links = [], biases = [], current = null, fan = null, tipFor = null;

  // -- what a part of the diagram stands for ------------------------------------------------

  const cellOf = (item) => {
    if (item.kind === "neuron")
      return { matrix: item.column.name, index: [state.sample, item.neuron], at: item.column };
    if (item.kind === "bias") {
      const bias = item.column.bias;
      return { matrix: bias.name, at: bias,
               index: item.column.bias_rank === 1 ? [item.neuron] : [0, item.neuron] };
    }
    const at = state.show === "gradient" && item.link.gradient ? item.link.gradient : item.link.weights;
    return { matrix: at.name, index: [item.from, item.to], at };
  };
  const says = (item) => {
    const { at, index } = cellOf(item);
    const value = item.value === undefined ? "not computed yet" : `= ${number(item.value)}`;
    const place = `${at.title}[${index.join(", ")}]${at.scope ? ` of ${at.scope}` : ""}`;
    const kind = { link: "connection", bias: "bias", neuron: "neuron" }[item.kind];
    return item.value === undefined ? `${kind} ${place}: ${value}` : `${kind} ${place} ${value}`;
  };
  const select = (item) => {
    const { matrix, index } = cellOf(item);
    model.send({ type: "select", matrix, index });
  };
  const light = (item) =>
    window.dispatchEvent(
      new CustomEvent("fluxlab:light", {
        detail: { session: layout.session, matrices: [], steps: [],
                  cells: item ? [(({ matrix, index }) => ({ matrix, index }))(cellOf(item))] : [] },
      }),
    );
  const point = (item) => {
    tipFor = item;
    tip.textContent = item ? says(item) : "";
    light(item);
  };

  // -- building -------------------------------------------------------------------------------

  const part = (item, ...shapes) => {
    item.el = svg("g", { class: `fl-${item.kind}`, role: "button", tabindex: -1, ...keep }, ...shapes);
    item.el.addEventListener("click", () => { focus(item); select(item); });
    item.el.addEventListener("mouseenter", () => point(item));
    item.el.addEventListener("mouseleave", () => point(null));
    item.el.addEventListener("focus", () => { mark(item); point(item); });
    item.el.addEventListener("blur", () => point(null));
    items.push(item);
    return item.el;
  };
  const mark = (item) => {
    current?.el.setAttribute("tabindex", -1);
    current = item;
    item.el.setAttribute("tabindex", 0);
  };
  const focus = (item) => {
    mark(item);
    item.el.focus({ preventScroll: true });
  };

  const pen = document.createElement("canvas").getContext("2d"); // it measures words

  const build = () => {
    const font = getComputedStyle(el).fontFamily;
    const held = el.contains(document.activeElement) && current
      ? [current.kind, String(Object.values(current).filter((v) => typeof v === "number"))] : null;
    [items, neurons, links, biases, current, fan] = [[], [], [], [], null, null];
    const rows = layout.columns.map((c) => c.drawn.length + (c.drawn.length < c.size ? 1 : 0));
    const height = HEAD + Math.max(...rows) * PITCH + 8;
    const named = layout.columns[0].labels.length ? 60 : 0;
    const wide = Math.max(150, Math.min(210, 640 / Math.max(layout.columns.length - 1, 1)));
    const width = 70 + named + wide * (layout.columns.length - 1) + 50;
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.style.width = `${width}px`;
    const x = (column) => 40 + named + column * wide;
    const y = (column, place) => {
      const { drawn, size } = layout.columns[column];
      const gap = drawn.findIndex((n, i) => i > 0 && n !== drawn[i - 1] + 1);
      const row = place + (drawn.length < size && gap >= 0 && place >= gap ? 1 : 0);
      return HEAD + (Math.max(...rows) - rows[column]) * PITCH / 2 + (row + 0.5) * PITCH;
    };
    const back = svg("g"), front = svg("g");
    /** Words, cut where the next column or the edge is near; then the whole is there on hover. */
    const write = (words, room, attributes) => {
      pen.font = { "fl-name": "italic 15px serif", "fl-of": `11px ${font}` }[attributes.class];
      const [shown] = fitted(pen, words, room);
      const node = svg("text", attributes, shown);
      if (shown === words) return node;
      node.setAttribute("role", "img");
      node.setAttribute("aria-label", words);
      node.append(svg("title", {}, words));
      return node;
    };
    layout.links.forEach((link, number) => {
      layout.columns[link.source].drawn.forEach((from, i) =>
        layout.columns[link.target].drawn.forEach((to, j) => {
          const line = `M${x(link.source) + RADIUS} ${y(link.source, i)}L${x(link.target) - RADIUS} ${y(link.target, j)}`;
          const item = { kind: "link", link, number, from, to };
          item.line = svg("path", { d: line, class: "fl-line" });
          back.append(part(item, svg("path", { d: line, class: "fl-near" }), item.line));
          links.push(item);
        }));
    });
    layout.columns.forEach((column, c) => {
      const room = 2 * Math.min(x(c), width - x(c), wide / 2) - 4;
      front.append(
        write(column.title, room, { x: x(c), y: 16, class: "fl-name", "text-anchor": "middle" }),
        write([column.scope, column.size].filter(Boolean).join(" · "), room,
          { x: x(c), y: 32, class: "fl-of", "text-anchor": "middle" }),
      );
      column.drawn.forEach((neuron, place) => {
        const cx = x(c), cy = y(c, place);
        const item = { kind: "neuron", column, c, neuron, place };
        item.disc = svg("circle", { cx, cy, r: RADIUS });
        item.text = svg("text", { x: cx, y: cy + 3.5, "text-anchor": "middle", class: "fl-number" });
        front.append(part(item, item.disc, item.text));
        neurons.push(item);
        if (column.labels[neuron] && c === 0)
          front.append(write(column.labels[neuron], cx - RADIUS - 8,
            { x: cx - RADIUS - 6, y: cy + 4, class: "fl-of", "text-anchor": "end" }));
        if (column.bias) {
          const own = { kind: "bias", column, c, neuron, place };
          own.box = svg("rect", { x: cx - RADIUS - 1, y: cy - RADIUS - 1, width: 9, height: 9, rx: 2 });
          front.append(part(own, own.box));
          biases.push(own);
        }
      });
      if (column.drawn.length < column.size) {
        const gap = column.drawn.findIndex((n, i) => i > 0 && n !== column.drawn[i - 1] + 1);
        const middle = (y(c, gap - 1) + y(c, gap)) / 2;
        const left = svg("text", { x: x(c), y: middle + 4, class: "fl-of", "text-anchor": "middle" },
          `… ${column.size} neurons`);
        left.append(svg("title", {}, `${column.drawn.length} of ${column.size} neurons of ${column.title} are drawn`));
        front.append(left);
      }
    });
    picture.replaceChildren(back, front);
    if (neurons.length) mark(neurons[0]);
    const again = held && items.find((item) =>
      item.kind === held[0] && String(Object.values(item).filter((v) => typeof v === "number")) === held[1]);
    if (again) focus(again);

    const many = layout.samples > 100;
    sample = element(many ? "input" : "select",
      { "aria-label": "sample", ...keep, ...(many ? { type: "number", min: 0, max: layout.samples - 1 } : {}) });
    if (!many)
      for (let i = 0; i < layout.samples; i++)
        sample.append(element("option", { value: i }, layout.rows[i] ? `${i}  ${layout.rows[i]}` : i));
    sample.addEventListener("change", () => model.send({ type: "sample", row: Number(sample.value) }));
    sampleBox.replaceChildren(sample);
  };

  // -- painting -------------------------------------------------------------------------------

  const colour = (value) => (value < 0 ? "var(--fl-low)" : "var(--fl-high)");
  const paint = () => {
    let at = 0;
    const take = (list, ready = true) => {
      for (const item of list) item.value = ready ? numbers[at++] : undefined;
    };
    layout.columns.forEach((column, c) => {
      take(neurons.filter((item) => item.c === c), state.ready.columns[c]);
      take(biases.filter((item) => item.c === c));
    });
    layout.links.forEach((_, l) => take(links.filter((item) => item.number === l), state.ready.links[l]));

    const most = (list) => Math.max(...list.map((i) => Math.abs(i.value)).filter(Number.isFinite), 0) || 1;
    layout.columns.forEach((_, c) => {
      for (const [list, shape, strongest] of [
        [neurons.filter((i) => i.c === c), "disc", 50], [biases.filter((i) => i.c === c), "box", 95]]) {
        const scale = most(list);
        for (const item of list) {
          const odd = item.value !== undefined && !Number.isFinite(item.value);
          const share = item.value === undefined ? 0 : Math.min(Math.abs(item.value) / scale, 1);
          item[shape].style.fill = item.value === undefined ? "var(--fl-empty)"
            : odd ? "var(--fl-back)"
            : `color-mix(in srgb, ${colour(item.value)} ${strongest * share}%, var(--fl-zero))`;
          item.el.classList.toggle("fl-odd", odd);
          if (!item.text) continue;
          item.text.textContent = item.value === undefined ? "" : short(item.value);
          item.text.classList.toggle("fl-tight", item.text.textContent.length > 4);
        }
      }
    });
    for (const item of links) {
      const ready = item.value !== undefined;
      const odd = ready && !Number.isFinite(item.value);
      const share = ready && !odd ? Math.min(Math.abs(item.value) / state.scale, 1) : 0;
      item.line.style.stroke = ready && !odd ? colour(item.value) : "";
      item.line.style.strokeWidth = ready ? 0.5 + 3.5 * share : 1;
      item.line.style.strokeOpacity = odd ? 1 : ready ? 0.12 + 0.88 * share : 1;
      item.el.classList.toggle("fl-unknown", !ready);
      item.el.classList.toggle("fl-odd", odd);
    }
    const chosen = state.selection;
    for (const item of items) {
      const on = Boolean(chosen) && isChosen(item, chosen);
      item.el.classList.toggle("fl-chosen", on);
      item.el.setAttribute("aria-pressed", String(on));
      item.el.setAttribute("aria-label", says(item));
    }
    show.value = state.show;
    if (document.activeElement !== sample) sample.value = state.sample;
    why.textContent = state.why;
    tip.textContent = tipFor ? says(tipFor) : "";
    picture.setAttribute("aria-label",
      `network, ${layout.columns.map((c) => c.size).join("-")} neurons; arrows move among neurons and connections`);
  };

  /** Whether a part of the diagram stands for a cell: a connection for its weight, a neuron for
   *  each number that makes it or tells its slope or gradient, whatever the sample. */
  const stands = (item, matrix, index) => {
    if (item.kind === "link")
      return item.link.weights.kin.includes(matrix) && String(index) === String([item.from, item.to]);
    const { kin } = item.kind === "bias" ? item.column.bias : item.column;
    return kin.includes(matrix) && index.at(-1) === item.neuron;
  };
  const isChosen = (item, [matrix, index]) =>
    stands(item, matrix, index) && (item.kind !== "neuron" || index[0] === state.sample);

  // -- keys -----------------------------------------------------------------------------------

  const neuronAt = (c, neuron) => neurons.find((item) => item.c === c && item.neuron === neuron);
  const into = (item) => [
    ...biases.filter((b) => b.c === item.c && b.neuron === item.neuron),
    ...links.filter((l) => l.link.target === item.c && l.to === item.neuron),
  ];
  const outOf = (item) => links.filter((l) => l.link.source === item.c && l.from === item.neuron);
  const among = (list, item, by) => list[(list.indexOf(item) + by + list.length) % list.length];
  const target = (item) =>
    item.kind === "bias" ? neuronAt(item.c, item.neuron) : neuronAt(item.link.target, item.to);

  const keys = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !current) return;
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    let next = null;
    if (event.key === "Enter" || event.key === " ") select(current);
    else if (current.kind === "neuron") {
      if (by) next = among(neurons.filter((n) => n.c === current.c), current, by);
      else if (event.key === "ArrowRight") [next, fan] = [outOf(current)[0], outOf(current)];
      else if (event.key === "ArrowLeft") [next, fan] = [into(current)[0], into(current)];
      else return;
    } else if (by) next = among(fan?.includes(current) ? fan : into(target(current)), current, by);
    else if (event.key === "ArrowRight") next = target(current);
    else if (event.key === "ArrowLeft" && current.kind === "link")
      next = neuronAt(current.link.source, current.from);
    else return;
    event.preventDefault();
    if (next) focus(next);
  };
  picture.addEventListener("keydown", keys);

  const hear = ({ detail }) => {
    if (!layout || !state || detail.session !== layout.session) return;
    const cells = detail.cells ?? [];
    const lit = new Set(items.filter((item) =>
      cells.some((cell) => stands(item, cell.matrix, cell.index))));
    // A connection also with both its ends: the gradient of a weight is their product.
    const ends = new Set([...lit].filter((item) => item.kind === "neuron")
      .map((item) => `${item.c} ${item.neuron}`));
    for (const item of links)
      if (ends.has(`${item.link.source} ${item.from}`) && ends.has(`${item.link.target} ${item.to}`))
        lit.add(item);
    for (const item of items) item.el.classList.toggle("fl-lit", lit.has(item));
  };
  window.addEventListener("fluxlab:light", hear);

  let frame = 0;
  tidy.push(
    listen(model, {
      layout(message) {
        layout = message;
        state = null;
        build();
      },
      values(message, [view]) {
        state = message;
        numbers = new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
        frame ||= requestAnimationFrame(() => {
          frame = 0;
          if (state) paint();
        });
      },
    }),
  );
  tidy.push(hello(model));
  return () => {
    cancelAnimationFrame(frame);
    window.removeEventListener("fluxlab:light", hear);
    tidy.forEach((undo) => undo());
  };
}

export default { render };
