// Which part of a matrix is shown: a window that moves and zooms, a slice that turns.

/** Asks Python for other windows, and keeps those that were asked for and have not come yet. */
function windowAsker(board, model) {
  const moving = inFlight(model);
  const wanted = {}; // by the key of the matrix

  function now(place) {
    return wanted[board.layout.matrices[place.matrix].key] ?? board.windowOf(place.matrix);
  }

  function ask(place, window) {
    const matrix = board.layout.matrices[place.matrix];
    const [rows, columns] = flatShape(matrix.shape);
    const level = window.level;
    const seen = level ? [Math.min(rows, Math.max(1, Math.floor(place.height / level))),
      Math.min(columns, Math.max(1, Math.floor(place.width / level)))] : [rows, columns];
    const keep = (value, most) => Math.max(0, Math.min(Math.round(value), most));
    const next = { ...window, rows: seen[0], columns: seen[1],
      row: keep(window.row, rows - seen[0]), column: keep(window.column, columns - seen[1]) };
    wanted[matrix.key] = next;
    moving.send({ type: "window", matrix: matrix.name, lead: next.lead, row: next.row, column: next.column, level });
  }

  function zoom(place, by, at) {
    const window = now(place), levels = board.layout.levels;
    const level = levels[levels.indexOf(window.level) + by];
    if (!level) return;
    ask(place, zoomed(place, window, level, at ?? [window.row + window.rows / 2, window.column + window.columns / 2]));
  }

  /** A frame has come; the last that was asked for shows what was wanted. */
  function came() {
    if (!moving.busy()) for (const name of Object.keys(wanted)) delete wanted[name];
  }

  return { now, ask, zoom, came, busy: moving.busy, done: moving.done };
}
