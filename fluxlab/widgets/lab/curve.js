/** Round numbers between low and high, about `count` of them. */
function ticks(low, high, count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++)
    found.push(Number((n * step).toPrecision(12)));
  return found;
}

/** Powers of ten between low and high; with few of them, also twice and five times each. */
function logTicks(low, high, count) {
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  const every = Math.max(1, Math.ceil((last - first) / count));
  const decades = Math.log10(high / low);
  const within = decades < 1 ? [1, 1.5, 2, 3, 5, 7] : decades < 3 ? [1, 2, 5] : [1];
  const found = [];
  for (let e = first; e <= last; e += every)
    for (const m of within) found.push(Number((m * 10 ** e).toPrecision(6)));
  return found.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");

function render({ model, el }) {
  const tidy = [root(el, "fl-curve")];
  const [error, forgetError] = errorLine(model);
  tidy.push(forgetError);
  const fl = inFlight(model);
  let xs = [], ys = [], state = null, handleAt = null, frame = 0;
  let former = []; // runs that were begun anew, [xs, ys] each; the last three are shown, pale
  let pointed = null; // the iteration under the pointer

  const plot = svg("g"), axes = svg("g", { class: "fl-axes", "aria-hidden": "true" });
  const path = svg("path", { class: "fl-path" }), earlier = svg("path", { class: "fl-earlier" });
  const broken = svg("path", { class: "fl-broken" });
  const stem = svg("line", { class: "fl-stem" }), dot = svg("circle", { r: 4.5, class: "fl-dot" });
  const grip = svg("rect", { class: "fl-grip", width: 24, fill: "transparent" });
  const handle = svg(
    "g",
    { class: "fl-handle", role: "slider", tabindex: 0, "aria-label": "iteration",
      "aria-valuenow": 0,
      "data-lm-suppress-shortcuts": "true" },
    grip, stem, dot,
  );
  plot.append(axes, earlier, path, broken, handle);
  const picture = svg("svg", { class: "fl-plot", role: "group", "aria-label": "cost curve" }, plot);
  const said = element("div", { class: "fl-said fl-muted" });
  const scale = element("button", {
    type: "button", class: "fl-scale", "aria-label": "scale", "data-lm-suppress-shortcuts": "true",
    onclick: () => {
      if (scale.getAttribute("aria-disabled") === "true") return;
      model.send({ type: "scale", value: state.scale === "log" ? "linear" : "log" });
    },
  });
  const foot = element("div", { class: "fl-foot" }, said, scale);
  const stopped = element("div", { class: "fl-stopped", role: "status" });
  el.append(element("div", { class: "fl-frame" }, picture, foot), stopped, error);

  /** The last iteration that one can travel to; it may lie after the last recorded one. */
  const end = () => Math.max(xs.at(-1) ?? 0, state?.iteration ?? 0);

  // Places of the plot, in pixels.
  let box = { left: 0, right: 1, top: 0, bottom: 1 }, toX, toY;

  const layOut = () => {
    const width = picture.clientWidth, height = picture.clientHeight;
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const small = state.small;
    const finite = ys.filter((y) => Number.isFinite(y) && (state.scale === "linear" || y > 0));
    let low = finite.length ? finite.reduce((a, b) => Math.min(a, b)) : 0;
    let high = finite.length ? finite.reduce((a, b) => Math.max(a, b)) : 1;
    const log = state.scale === "log" && low > 0;
    if (!(high > low)) { high = log ? low * 2 : low + (Math.abs(low) || 1) / 2; low = log ? low / 2 : low - (Math.abs(low) || 1) / 2; }
    else if (!log) { if (low > 0 && low < high / 2) low = 0; }
    const first = xs[0] ?? 0, last = Math.max(end(), first + 1);
    box = { left: small ? 44 : 58, right: width - 10, top: 8, bottom: height - (small ? 15 : 36) };
    toX = (x) => box.left + ((x - first) / (last - first)) * (box.right - box.left);
    if (log) [low, high] = [low * 0.9, high * 1.1];
    const [a, b] = log ? [Math.log(low), Math.log(high)] : [low, high];
    toY = (y) => box.bottom - (((log ? Math.log(y) : y) - a) / (b - a)) * (box.bottom - box.top);
    axes.replaceChildren();
    if (small) { // no room for more than where each axis begins and ends
      const words = (x, y, anchor, text) =>
        axes.append(svg("text", { x, y, "text-anchor": anchor }, text));
      const ends = log ? [Math.exp(a), Math.exp(b)] : [low, high];
      words(box.left - 5, box.bottom, "end", number(ends[0], 2));
      words(box.left - 5, box.top + 6, "end", number(ends[1], 2));
      words(box.left, height - 2, "start", grouped(first));
      words(box.right, height - 2, "end", grouped(last));
      axes.append(svg("line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
      return;
    }
    const rows = Math.max(2, Math.floor((box.bottom - box.top) / 34));
    for (const tick of log ? logTicks(low, high, rows) : ticks(low, high, rows)) {
      axes.append(
        svg("line", { x1: box.left, x2: box.right, y1: toY(tick), y2: toY(tick) }),
        svg("text", { x: box.left - 6, y: toY(tick) + 4, "text-anchor": "end" }, number(tick, 3)),
      );
    }
    const columns = Math.max(2, Math.floor((box.right - box.left) / 90));
    const whole = ticks(first, last, columns).filter(Number.isInteger);
    for (const tick of whole) {
      const x = toX(tick), text = grouped(tick), edge = x + 4 * text.length > width;
      const place = edge ? { x: width - 1, "text-anchor": "end" } : { x, "text-anchor": "middle" };
      axes.append(
        svg("line", { x1: x, x2: x, y1: box.bottom, y2: box.bottom + 4 }),
        svg("text", { ...place, y: box.bottom + 17 }, text),
      );
    }
    axes.append(
      svg("text", { x: box.right, y: height - 3, "text-anchor": "end" }, "iteration"),
      svg("text", { x: 4, y: box.top + 4, class: "fl-letter" }, "C"),
    );
  };

  /** The line: where points are denser than pixels, each column keeps its ends and extremes. */
  const draw = () => {
    frame = 0;
    if (!state || !picture.clientWidth) return;
    layOut();
    const parts = [], breaks = [];
    let pen = false, column = null, last = null;
    const put = (y) => {
      const place = `${column.toFixed(1)} ${toY(y).toFixed(1)}`;
      parts.push((pen ? "L" : "M") + place);
      pen = true;
    };
    let bin = null;
    const flush = () => {
      if (!bin) return;
      column = bin.x;
      for (const y of new Set([bin.first, bin.low, bin.high, bin.last])) put(y);
      bin = null;
    };
    xs.forEach((x, i) => {
      const y = ys[i];
      if (!Number.isFinite(y) || (state.scale === "log" && y <= 0)) {
        flush();
        pen = false;
        if (!Number.isFinite(y)) breaks.push(`M${toX(x).toFixed(1)} ${box.top}V${box.bottom}`);
        return;
      }
      const place = Math.round(toX(x) * 2) / 2;
      if (bin && bin.x === place) {
        bin.low = Math.min(bin.low, y);
        bin.high = Math.max(bin.high, y);
        bin.last = y;
      } else {
        flush();
        bin = { x: place, first: y, low: y, high: y, last: y };
      }
      last = [x, y];
    });
    flush();
    if (state.stopped && last && !breaks.length) {
      const [x, y] = [toX(last[0]), toY(last[1])];
      breaks.push(`M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x + 5} ${y - 5}L${x - 5} ${y + 5}`);
    }
    path.setAttribute("d", parts.join(""));
    earlier.setAttribute("d", former.map(([olderX, olderY]) => {
      const inside = olderX.map((x, i) => [toX(x), toY(olderY[i])]).filter(([x, y]) =>
        x <= box.right + 1 && Number.isFinite(y) && y >= box.top - 1 && y <= box.bottom + 1);
      return inside.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
    }).join(""));
    broken.setAttribute("d", breaks.join(""));
    showHandle();
  };
  const later = () => (frame ||= requestAnimationFrame(draw));

  const nearest = (iteration) => {
    let low = 0, high = xs.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (xs[middle] < iteration) low = middle + 1;
      else high = middle;
    }
    if (low > 0 && iteration - xs[low - 1] < xs[low] - iteration) low -= 1;
    return low;
  };

  const showHandle = () => {
    const iteration = handleAt ?? state.iteration;
    const place = nearest(iteration);
    const cost = handleAt == null && state.cost != null ? state.cost : ys[place] ?? null;
    const x = toX(Math.min(Math.max(iteration, xs[0] ?? 0), end()));
    const y = Number.isFinite(cost) && cost != null && (state.scale !== "log" || cost > 0)
      ? Math.min(Math.max(toY(cost), box.top), box.bottom) : box.bottom;
    for (const [key, value] of Object.entries({ x1: x, x2: x, y1: box.top, y2: box.bottom }))
      stem.setAttribute(key, value);
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", y);
    grip.setAttribute("x", x - 12);
    grip.setAttribute("y", box.top);
    grip.setAttribute("height", Math.max(box.bottom - box.top, 0));
    const value = cost == null ? "C is not computed yet" : `C = ${number(cost)}`;
    const told = pointed === null
      ? [iteration, value] : [pointed, `C = ${number(ys[nearest(pointed)])}`];
    said.classList.toggle("fl-pointed", pointed !== null);
    said.replaceChildren(
      element("span", {}, `iteration ${grouped(told[0])}`),
      element("span", { class: "fl-comma" }, ", "),
      element("span", {}, told[1]),
    );
    handle.setAttribute("aria-valuemin", xs[0] ?? 0);
    handle.setAttribute("aria-valuemax", end());
    handle.setAttribute("aria-valuenow", iteration);
    handle.setAttribute("aria-valuetext", `iteration ${iteration}, ${value}`);
    const flat = ys.some((y) => y <= 0);
    const other = state.scale === "log" ? "linear" : "log";
    scale.textContent = state.small ? state.scale : `${state.scale} scale`;
    scale.title = flat && other === "log"
      ? "Some costs are not above 0, so they have no logarithm." : `change to the ${other} scale of C`;
    scale.setAttribute("aria-label", `${state.scale} scale: ${scale.title}`);
    scale.setAttribute("aria-disabled", String(flat && other === "log"));
    stopped.textContent = state.stopped;
  };

  /** A run that was left for another keeps its line: it went further than the new one does yet. */
  const keepFormer = ([olderX, olderY], last) => {
    if (olderX.length < 10 || olderX.at(-1) <= last) return;
    former = [...former.slice(-2), [olderX, olderY]];
  };

  const travel = (iteration) => {
    if (!xs.length) return;
    handleAt = Math.min(Math.max(Math.round(iteration), xs[0]), end());
    fl.send({ type: "travel", iteration: handleAt });
    later();
  };

  const keys = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = handleAt ?? state?.iteration ?? 0;
    const page = Math.max(1, Math.round((end() - (xs[0] ?? 0)) / 10));
    const target = {
      ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1,
      PageDown: at - page, PageUp: at + page, Home: xs[0], End: end(),
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    travel(target);
  };
  handle.addEventListener("keydown", keys);

  const at = (event) => {
    const place = picture.getBoundingClientRect();
    const share = (event.clientX - place.left - box.left) / (box.right - box.left);
    const first = xs[0] ?? 0, last = xs.at(-1) ?? 0;
    return xs[nearest(first + share * (last - first))];
  };
  picture.addEventListener("pointerdown", (event) => {
    if (!xs.length || event.button) return;
    picture.setPointerCapture(event.pointerId);
    pointed = null;
    handle.focus({ preventScroll: true });
    event.preventDefault();
    travel(at(event));
  });
  picture.addEventListener("pointermove", (event) => {
    if (picture.hasPointerCapture(event.pointerId)) travel(at(event));
    else if (xs.length && event.pointerType === "mouse") {
      pointed = at(event); // told, not gone to
      later();
    }
  });
  const unpoint = () => { pointed = null; later(); };
  picture.addEventListener("pointerleave", unpoint);

  const observer = new ResizeObserver(later);
  observer.observe(picture);
  tidy.push(
    listen(model, {
      points(message, [iterations, costs]) {
        const read = (view) => new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
        if (message.fresh) {
          const older = [xs, ys];
          [xs, ys] = [[], []];
          keepFormer(older, read(iterations).at(-1) ?? 0);
        }
        for (const x of read(iterations)) xs.push(x);
        for (const y of read(costs)) ys.push(y);
        state = message;
        el.classList.toggle("fl-small", message.small);
        if (xs.length > 8000) model.send({ type: "ready" }); // the whole again, thinned
        later();
      },
      done() {
        fl.done();
        if (!fl.busy()) handleAt = null;
        later();
      },
    }),
  );
  tidy.push(hello(model));
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    tidy.forEach((undo) => undo());
  };
}

export default { render };
