// Numbers that a hand may change on the board: dragged up and down, typed, Alt and the arrow keys.

/** What one step of a drag (a pixel) or of a key changes, for numbers as large as `scale`. */
function stepOf(scale) {
  return 10 ** Math.floor(Math.log10((Number.isFinite(scale) && scale > 0 ? scale : 1) / 50));
}

/** A number some steps further, on a whole step; a logarithmic one grows by a twentieth each. */
function stepped(value, steps, step, log) {
  if (log) return Number((value * 1.05 ** steps).toPrecision(3));
  return Number((Math.round((value + steps * step) / step) * step).toPrecision(12));
}

/** Changes cells: `scaleOf(cell)` says how large its numbers are. */
function cellEditor(stage, model, scaleOf) {
  const sending = inFlight(model);
  let drag = null, field = null;
  const put = (cell, value) => sending.send({ type: "edit", matrix: cell.matrix, index: cell.index, value });
  const close = () => {
    const old = field; // removing it takes the focus from it, which closes it again
    field = null;
    old?.remove();
  };
  return {
    done() { sending.done(); },
    /** A pointer goes down on a cell with a value; it may become a drag. */
    begin(cell, value, log, y) { drag = { cell, value, log, y, step: stepOf(scaleOf(cell)), last: value }; },
    drag(y, fine) {
      if (!drag) return false;
      const steps = (drag.y - y) * (fine ? 0.1 : 1);
      const value = stepped(drag.value, steps, fine ? drag.step / 10 : drag.step, drag.log);
      if (value !== drag.last) put(drag.cell, (drag.last = value));
      return true;
    },
    end() { drag = null; },
    nudge(cell, value, log, steps) { put(cell, stepped(value, steps, stepOf(scaleOf(cell)), log)); },
    /** A field over a cell at [x, y, wide, high]; it begins with `text`, or with `value`, selected. */
    type(cell, value, [x, y, wide, high], text, back) {
      close();
      field = element("input", {
        class: "fl-board-field", "aria-label": "new number", "data-lm-suppress-shortcuts": "true",
        style: `left:${x - 3}px;top:${y - 3}px;width:${Math.max(96, wide + 6)}px;height:${high + 6}px`,
      });
      field.value = text ?? String(value);
      stage.append(field);
      field.focus({ preventScroll: true });
      if (text === undefined) field.select();
      const own = field;
      const leave = () => { if (field === own) close(); };
      own.addEventListener("blur", leave);
      own.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== "Escape") return;
        if (event.key === "Enter") model.send({ type: "typed", ...cell, text: own.value });
        leave();
        back();
        event.preventDefault();
      });
    },
  };
}
