// The board: one canvas, painted from one binary buffer; what else stands in this folder helps it.

const HINT = "Arrows move, [ and ] change the matrix, Esc clears; Alt+↑↓ or a typed number changes x, w and b";

function render({ model, el }) {
  const board = emptyState();
  const cleanups = [root(el, "fl-board")];
  const canvas = element("canvas", {
    tabindex: "0", role: "application", "aria-roledescription": "board of matrices",
    "aria-label": "Every matrix", "data-lm-suppress-shortcuts": "true",
  });
  const context = canvas.getContext("2d");
  const legend = element("div", { class: "fl-board-legend" });
  const menu = element("select", { "data-lm-suppress-shortcuts": "true" },
    ...Object.entries(SCALE_WORDS).map(([value, words]) => element("option", { value }, words)));
  const apart = element("span", { class: "fl-board-apart" });
  const bar = element("div", { class: "fl-board-bar" }, legend,
    apart, element("label", {}, "scale ", menu),
    element("button", {
      type: "button", class: "fl-link", "data-lm-suppress-shortcuts": "true",
      title: "full colour is the largest number now, not the largest since the start",
      onclick: () => model.send({ type: "rescale" }),
    }, "rescale"));
  const anchor = element("span", { style: "position:absolute;pointer-events:none" });
  const stage = element("div", { class: "fl-board-stage" }, canvas, anchor);
  const said = element("span");
  // Read aloud what the student goes to, not every change of it while the network learns.
  const spoken = element("span", { class: "fl-spoken", "aria-live": "polite" });
  const hint = element("span", { id: `fl-hint-${Math.random().toString(36).slice(2)}` }, HINT);
  canvas.setAttribute("aria-describedby", hint.id);
  const status = element("div", { class: "fl-board-status" }, said, spoken, hint);
  const tip = element("div", { class: "fl-board-tip", hidden: true, "aria-hidden": "true" });
  const [error, unhear] = errorLine(model);
  cleanups.push(unhear);
  el.append(bar, stage, status, error, tip);

  const folds = foldButtons(stage, ({ name, open }) => model.send({ type: "fold", name, folded: open }));
  const titles = wholeTitles(stage, context);
  const selecting = inFlight(model);
  const windows = windowAsker(board, model);
  const edits = cellEditor(stage, model, (cell) => board.scaleOf(board.placesOf.get(cell.matrix)[0]));
  const tools = toolButtons(stage, board, windows);
  const own = {}; // this view, so that it does not hear itself
  let followed = null; // the place that the board has panned to
  let hover = null, drag = null, asked = 0, goodbye = null, speak = false;
  const arrived = []; // frames that were not painted yet, at most two
  let painted = [0, 0]; // the heights between which the canvas is up to date

  // -- painting ---------------------------------------------------------------------------

  function repaint() {
    asked ||= requestAnimationFrame(paint);
  }

  function paint() {
    asked = 0;
    const pending = arrived.shift();
    if (pending && board.layout && pending.message.version === board.layout.version) {
      takeFrame(board, pending.message, pending.buffers);
      canvas.dataset.frame = pending.message.seq;
      windows.came();
      tools.update();
      if (hover) { // a window may have moved below the pointer
        const found = cellAt(hover.place, board.windowOf(hover.place.matrix), hover.atX, hover.atY);
        if (found) [hover.row, hover.column] = found;
        else leave();
      }
    }
    if (arrived.length) repaint();
    if (!board.layout || !board.offsets.length) return;
    const { width, height } = board.layout;
    const ratio = Math.min(window.devicePixelRatio || 1, 16000 / height);
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    if (pending) follow();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    board.colours ??= palette(el, context);
    // Painted is what can be seen, and as much again above and below for the next scroll.
    const [first, last] = seen();
    painted = [first - window.innerHeight, last + window.innerHeight];
    paintBoard(context, board, painted);
    updateLegend();
    updateStatus();
    if (hover) showTip();
    canvas.dataset.painted = String(Number(canvas.dataset.painted ?? 0) + 1);
  }

  /** Pan to the last step's result when it is another one; the page itself stays where it is. */
  function follow() {
    const [place] = runningPlaces(board);
    if (place === followed) return;
    followed = place;
    if (!place) return;
    const [x, y, wide, high] = boxOf(board, place);
    const into = (at, size, from, room) =>
      at >= from && at + size <= from + room ? from : Math.max(0, at + size / 2 - room / 2);
    stage.scrollTo({
      left: into(x, wide, stage.scrollLeft, stage.clientWidth),
      top: into(y - 24, high + 24, stage.scrollTop, stage.clientHeight),
      behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth",
    });
  }

  /** From which to which height of the canvas the page shows it. */
  function seen() {
    const { top } = canvas.getBoundingClientRect();
    return [-top, window.innerHeight - top];
  }

  function scrolled() {
    const [first, last] = seen();
    const { height } = board.layout ?? { height: 0 };
    if (Math.max(0, first) < painted[0] || Math.min(height, last) > painted[1]) repaint();
  }

  function recolour() {
    board.colours = null;
    const ground = rgb(themeColours(el).back);
    board.isDark = luminance(ground) < 0.2;
    repaint();
  }

  let legendWas = "";
  function updateLegend() {
    const focus = hover?.place ?? board.placesOf.get(board.selection?.matrix)?.[0];
    const keys = legendKeys(board, focus);
    const now = JSON.stringify(keys);
    if (now === legendWas) return;
    legendWas = now;
    legend.replaceChildren(...keys.map(legendElement));
  }

  /** The cell that the status line tells: the keyboard's, else the selected one. */
  function updateStatus() {
    const cell = board.focused && board.cursor ? cursorCell() : board.selection;
    const number = cell ? numberOf(board, cell) : -1;
    if (number < 0) {
      said.textContent = "";
      return;
    }
    const { name, value, where } = cellWords(board, number, cell.index);
    const text = `${name} = ${value}${where && ` · ${where}`}`;
    if (speak && !windows.busy()) {
      spoken.textContent = text;
      speak = false;
    }
    if (said.dataset.text === text) return;
    said.dataset.text = text;
    said.replaceChildren(`${name} = `, element("b", {}, value), where && ` · ${where}`);
  }

  // -- what Python sends --------------------------------------------------------------------

  cleanups.push(listen(model, {
    layout(message) {
      takeLayout(board, message);
      canvas.setAttribute("aria-label", `Every matrix, ${message.title}`);
      board.offsets = [];
      hover = null;
      board.cursor = null;
      for (const line of [bar, status]) line.style.maxWidth = `${Math.max(message.width, 860)}px`;
      titles.show(message);
      apart.replaceChildren(...message.apart.map(([name, open]) => element("label", {},
        element("input", {
          type: "checkbox", checked: open, "data-lm-suppress-shortcuts": "true",
          onchange: () => model.send({ type: "fold", name, folded: open }),
        }), ` ${name}`)));
      folds.show(message.folds);
      tools.show();
    },
    frame(message, buffers) {
      // Two that come at once are painted one after the other; older ones are dropped.
      if (arrived.push({ message, buffers }) > 2) arrived.shift();
      repaint();
    },
    selection(message) {
      board.selection = message.matrix === null ? null : { matrix: message.matrix, index: message.index };
      board.links = { from: message.from, to: message.to };
      speak = true;
      if (board.selection && !selecting.busy()) cursorTo(board.selection);
      repaint();
    },
    done(message) {
      ({ window: windows, edit: edits }[message.of] ?? selecting).done();
    },
  }));

  // -- cells ----------------------------------------------------------------------------------

  function placeAt(x, y) {
    return board.layout?.places.find((place) => {
      const window = board.windowOf(place.matrix);
      const [wide, high] = cellSize(place, window);
      return x >= place.x && x < place.x + window.columns * wide && y >= place.y && y < place.y + window.rows * high;
    });
  }

  function hit(event) {
    const place = placeAt(event.offsetX, event.offsetY);
    const found = place && cellAt(place, board.windowOf(place.matrix), event.offsetX, event.offsetY);
    return found ? { place, row: found[0], column: found[1] } : null;
  }

  function cellOf({ place, row, column }) {
    const matrix = board.layout.matrices[place.matrix];
    return { matrix: matrix.name, index: fullIndex(matrix.shape, windows.now(place).lead, row, column) };
  }

  function cursorCell() {
    return cellOf({ ...board.cursor, place: board.layout.places[board.cursor.place] });
  }

  /** Put the keyboard at a cell, in the place where it is already, if that shows the matrix. */
  function cursorTo({ matrix, index }) {
    const places = board.placesOf.get(matrix) ?? [];
    const shows = places.filter((one) => inSlice(windows.now(one), index));
    const place = shows.find((one) => one.number === board.cursor?.place) ?? shows[0] ?? places[0];
    if (!place) return;
    const [row, column] = flatIndex(index);
    board.cursor = { place: place.number, row, column };
  }

  /** Of a cell that a hand may change: [cell, its value, whether it is logarithmic]; else null. */
  function editable({ place, row, column }) {
    const matrix = board.layout.matrices[place.matrix];
    const value = board.at(place.matrix, row, column);
    return matrix.edits && Number.isFinite(value) ? [cellOf({ place, row, column }), value, matrix.log] : null;
  }

  /** Let a number be typed over a cell; `text` is what it begins with, else its value. */
  function typeOver(found, text) {
    const may = editable(found);
    if (!may) return false;
    const window = windows.now(found.place), [wide, high] = cellSize(found.place, window);
    const at = [found.place.x + (found.column - window.column) * wide, found.place.y + (found.row - window.row) * high];
    edits.type(may[0], may[1], [...at, wide, high], text, () => canvas.focus({ preventScroll: true }));
    return true;
  }

  function select(cell) {
    board.selection = cell; // shown at once; what it is made of comes from Python
    board.links = { from: [], to: [] };
    selecting.send({ type: "select", ...cell });
    repaint();
  }

  // -- pointer ------------------------------------------------------------------------------------

  function lightUp(cell) {
    window.dispatchEvent(new CustomEvent("fluxlab:light", {
      detail: { session: board.layout.session, cells: cell ? [cell] : [], matrices: [], steps: [], from: own },
    }));
  }

  function showTip() {
    const matrix = board.layout.matrices[hover.place.matrix];
    const { name, value, where } = cellWords(board, hover.place.matrix, cellOf(hover).index);
    const also = hover.place.local !== matrix.name.split("/").at(-1) ? `${hover.place.title} here; ` : "";
    tip.replaceChildren(
      element("div", { class: "fl-name" }, name),
      element("div", { class: "fl-value" }, value),
      editable(hover) && element("div", { class: "fl-muted" }, "drag up or down, or double-click to type"),
      element("div", { class: "fl-muted" }, `${also}${where}${where || also ? " · " : ""}${matrix.shape.join("×") || "one number"}`));
    tip.hidden = hover.quiet;
    const box = el.getBoundingClientRect();
    const left = hover.x - box.left + 14, top = hover.y - box.top + 16;
    tip.style.left = `${Math.max(0, Math.min(left, box.width - tip.offsetWidth - 2))}px`;
    tip.style.top = `${top + tip.offsetHeight > box.height ? top - tip.offsetHeight - 26 : top}px`;
  }

  function leave() {
    if (!hover) return;
    hover = null;
    tip.hidden = true;
    canvas.classList.remove("fl-over");
    lightUp(null);
    repaint();
  }

  const pointer = {
    pointermove(event) {
      if (!board.offsets.length) return;
      if (drag) {
        const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
        drag.moved ||= Math.hypot(dx, dy) > 4;
        if (drag.moved && drag.edits && edits.drag(event.clientY, event.shiftKey)) {
          leave();
          return;
        }
        if (drag.moved && drag.place?.window) {
          canvas.classList.add("fl-pan");
          const { level } = drag.window;
          windows.ask(drag.place, { ...drag.window, row: drag.window.row - dy / level, column: drag.window.column - dx / level });
          leave();
          return;
        }
      }
      const found = hit(event);
      if (!found) return leave();
      const same = hover && hover.place === found.place && hover.row === found.row && hover.column === found.column;
      hover = { ...found, quiet: same && hover.quiet, x: event.clientX, y: event.clientY, atX: event.offsetX, atY: event.offsetY };
      canvas.classList.add("fl-over");
      canvas.classList.toggle("fl-edits", editable(found) !== null);
      showTip();
      if (!same) lightUp(cellOf(found));
      updateLegend();
    },
    pointerdown(event) {
      const place = board.offsets.length ? placeAt(event.offsetX, event.offsetY) : null;
      drag = { x: event.clientX, y: event.clientY, moved: false, place, window: place && { ...windows.now(place) } };
      const found = place && event.button === 0 ? hit(event) : null;
      const may = found && editable(found);
      drag.edits = Boolean(may);
      if (may) edits.begin(...may, event.clientY);
      if (place?.window || may) canvas.setPointerCapture(event.pointerId);
    },
    pointerup(event) {
      const found = drag && !drag.moved && board.offsets.length ? hit(event) : null;
      drag = null;
      edits.end();
      canvas.classList.remove("fl-pan");
      if (!found) return;
      board.cursor = { place: found.place.number, row: found.row, column: found.column };
      if (hover) hover.quiet = true; // what it says stands in the panel now
      select(cellOf(found));
    },
    pointercancel() { drag = null; edits.end(); canvas.classList.remove("fl-pan"); },
    dblclick(event) {
      const found = board.offsets.length ? hit(event) : null;
      if (found) typeOver(found);
    },
    touchstart(event) { // a finger on such a number changes it; elsewhere it scrolls the page
      const box = canvas.getBoundingClientRect(), [touch] = event.changedTouches;
      const point = { offsetX: touch.clientX - box.left, offsetY: touch.clientY - box.top };
      const found = board.offsets.length ? hit(point) : null;
      if (found && editable(found)) event.preventDefault();
    },
    pointerleave: leave,
    wheel(event) {
      const found = (event.ctrlKey || event.shiftKey) && board.offsets.length ? hit(event) : null;
      if (!found?.place.window) return;
      event.preventDefault();
      const window = windows.now(found.place);
      if (event.ctrlKey) return windows.zoom(found.place, event.deltaY < 0 ? 1 : -1, [found.row, found.column]);
      const cells = (event.deltaY || event.deltaX) / window.level;
      const way = Math.sign(cells) * Math.max(1, Math.round(Math.abs(cells)));
      windows.ask(found.place, event.altKey ? { ...window, column: window.column + way } : { ...window, row: window.row + way });
    },
  };

  // -- keyboard -------------------------------------------------------------------------------------

  function go(place, row, column) {
    speak = true;
    board.cursor = { place: place.number, row, column };
    const window = windows.now(place);
    const inside = row >= window.row && row < window.row + window.rows
      && column >= window.column && column < window.column + window.columns;
    if (!inside) {
      const into = (at, first, count) => (at < first ? at : at >= first + count ? at - count + 1 : first);
      windows.ask(place, { ...window, row: into(row, window.row, window.rows), column: into(column, window.column, window.columns) });
    }
    const [wide, high] = cellSize(place, window);
    const spot = windows.now(place);
    anchor.style.cssText += `;left:${place.x + (column - spot.column) * wide}px;top:${place.y + (row - spot.row) * high - 12}px;width:${wide}px;height:${high + 24}px`;
    anchor.scrollIntoView({ block: "nearest", inline: "nearest" });
    select(cursorCell());
  }

  function keydown(event) {
    if (!board.offsets.length || event.metaKey) return;
    const { places, matrices } = board.layout;
    board.cursor ??= { place: 0, row: 0, column: 0 };
    const place = places[board.cursor.place];
    const at = [board.cursor.row, board.cursor.column];
    const cell = { place, row: at[0], column: at[1] };
    const steps = event.altKey && { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const may = steps ? editable(cell) : null;
    if (may) {
      edits.nudge(...may, steps * (event.shiftKey ? 10 : 1));
      event.preventDefault();
    }
    if (event.altKey) return;
    if (/^[-−.,\d]$/.test(event.key) && !event.ctrlKey && !(place.window && event.key === "-") && typeOver(cell, event.key)) {
      event.preventDefault();
      return;
    }
    const turn = { "]": 1, PageDown: 1, "[": -1, PageUp: -1 }[event.key];
    const next = moved(event.key, at, flatShape(matrices[place.matrix].shape), event.ctrlKey);
    if (next) {
      go(place, ...next);
    } else if (turn) {
      const other = places[(place.number + turn + places.length) % places.length];
      const [rows, columns] = flatShape(matrices[other.matrix].shape);
      go(other, Math.min(at[0], rows - 1), Math.min(at[1], columns - 1));
    } else if (event.key === "Enter" || event.key === " ") {
      select(cursorCell());
    } else if (event.key === "Escape") {
      board.selection = null;
      board.links = { from: [], to: [] };
      model.send({ type: "clear" });
      repaint();
    } else if (place.window && (event.key === "+" || event.key === "-")) {
      windows.zoom(place, event.key === "+" ? 1 : -1, at);
    } else {
      return;
    }
    event.preventDefault();
  }

  const focus = {
    focus() {
      board.focused = speak = true;
      el.classList.toggle("fl-by-key", canvas.matches(":focus-visible"));
      if (board.layout) board.cursor ??= { place: 0, row: 0, column: 0 };
      repaint();
    },
    blur() { board.focused = false; el.classList.remove("fl-by-key"); repaint(); },
    keydown,
  };

  // -- life --------------------------------------------------------------------------------------------

  for (const [type, act] of Object.entries({ ...pointer, ...focus })) {
    canvas.addEventListener(type, act, { passive: !["wheel", "keydown", "touchstart"].includes(type) });
  }
  menu.addEventListener("change", () => {
    model.set("scale", menu.value);
    model.save_changes();
  });
  const rescale = () => {
    menu.value = board.scale = model.get("scale");
    if (board.offsets.length) shareScales(board);
    repaint();
  };
  model.on("change:scale", rescale);
  const hear = (event) => {
    if (event.detail.session !== board.layout?.session || event.detail.from === own) return;
    board.light = event.detail;
    repaint();
  };
  window.addEventListener("fluxlab:light", hear);
  document.addEventListener("scroll", scrolled, { capture: true, passive: true });
  const sight = new IntersectionObserver(scrolled); // such as a tab that comes to the front
  sight.observe(canvas);
  window.addEventListener("resize", repaint); // the zoom of the page changes its pixels
  let width = 0, later = 0;
  const observer = new ResizeObserver(() => {
    const now = Math.floor(el.clientWidth);
    if (!now) return;
    clearTimeout(later); // also where a page that was put together anew is as wide as before
    if (now === width) return;
    if (!goodbye) {
      width = now;
      goodbye = hello(model, { width });
      recolour();
    } else {
      // A scroll bar that comes and goes is no reason to arrange everything anew.
      const overflows = board.layout && board.layout.width > now;
      if (Math.abs(now - width) < 20 && !overflows) return;
      later = setTimeout(() => {
        width = now;
        model.send({ type: "width", width });
      }, 120);
    }
  });
  observer.observe(el);
  rescale();
  cleanups.push(
    watchTheme(recolour),
    () => model.off("change:scale", rescale),
    () => window.removeEventListener("fluxlab:light", hear),
    () => window.removeEventListener("resize", repaint),
    () => document.removeEventListener("scroll", scrolled, { capture: true }),
    () => observer.disconnect(),
    () => sight.disconnect(),
    () => clearTimeout(later),
    () => cancelAnimationFrame(asked),
    () => goodbye?.(),
  );
  return () => {
    for (const cleanup of cleanups) cleanup();
    el.replaceChildren();
  };
}

export default { render };
