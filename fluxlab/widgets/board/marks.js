// What is drawn over the cells: outlines, what lights up, the selected cell, the keyboard.

function paintMarks(context, board) {
  paintRunning(context, board);
  for (const kind of ["to", "from"]) {
    for (const item of board.links[kind]) {
      for (const [place, matrix, seen] of spots(board, item)) {
        paintOutline(context, board, place, matrix, seen, kind);
      }
    }
  }
  const at = underWay(board);
  if (at) paintAround(context, board, at);
  paintLight(context, board);
  if (board.selection) paintSelection(context, board, board.selection);
  if (board.cursor && board.focused) paintCursor(context, board);
}

/** The box around all cells of a place. */
function boxOf(board, place) {
  const window = board.windowOf(place.matrix);
  const [wide, high] = cellSize(place, window);
  return [place.x - 2, place.y - 2, window.columns * wide + 3, window.rows * high + 3];
}

/** What the last step made, what it is made of, and an arrow from each of these to it. */
function paintRunning(context, board) {
  const [goal, sources] = runningPlaces(board);
  if (!goal) return;
  const { colours } = board;
  context.save();
  context.strokeStyle = context.fillStyle = colours.good;
  const to = boxOf(board, goal);
  for (const place of sources) {
    const from = boxOf(board, place);
    context.lineWidth = 2;
    context.globalAlpha = 0.5;
    context.strokeRect(...from);
    context.globalAlpha = 0.9;
    context.lineWidth = 1.25;
    paintArrow(context, arrowBetween(from, to));
  }
  context.globalAlpha = 1;
  context.lineWidth = 2.5;
  context.strokeRect(...to);
  context.restore();
}

function paintArrow(context, [x1, y1, bendX, bendY, x2, y2]) {
  context.beginPath();
  context.moveTo(x1, y1);
  context.quadraticCurveTo(bendX, bendY, x2, y2);
  context.stroke();
  const angle = Math.atan2(y2 - bendY, x2 - bendX);
  context.beginPath();
  context.moveTo(x2, y2);
  for (const side of [-0.4, 0.4]) context.lineTo(x2 - 8 * Math.cos(angle + side), y2 - 8 * Math.sin(angle + side));
  context.fill();
}

/** A thin line around all cells of a place. */
function paintAround(context, board, place) {
  const window = board.windowOf(place.matrix);
  const [wide, high] = cellSize(place, window);
  context.strokeStyle = board.colours.accent;
  context.lineWidth = 1.25;
  context.strokeRect(place.x - 3.5, place.y - 3.5, window.columns * wide + 6, window.rows * high + 6);
}

function strokeLines(context, place, [wide, high], lines, grow) {
  context.beginPath();
  for (const [x1, y1, x2, y2] of lines) {
    const flat = y1 === y2;
    context.moveTo(place.x + x1 * wide - 0.5 - (flat ? grow : 0), place.y + y1 * high - 0.5);
    context.lineTo(place.x + x2 * wide - 0.5 + (flat ? grow : 0), place.y + y2 * high - 0.5);
  }
  context.stroke();
}

/** Cells that the selected one comes from (solid) or goes to (dashed). */
function paintOutline(context, board, place, matrix, item, kind) {
  const { colours } = board;
  const window = board.windowOf(place.matrix);
  const seen = seenCells(item, window, matrix.shape);
  if (!seen) return;
  context.save();
  const lines = outline(seen);
  const size = cellSize(place, window);
  context.strokeStyle = colours.back;
  context.lineWidth = 4;
  context.globalAlpha = 0.75;
  strokeLines(context, place, size, lines, 1);
  context.globalAlpha = 1;
  context.strokeStyle = kind === "to" ? colours.good : colours.accent;
  context.lineWidth = 1.75;
  context.lineJoin = "round";
  if (kind === "to") context.setLineDash([4, 2.5]);
  strokeLines(context, place, size, lines, 0.8);
  context.restore();
}

/** What another widget lights up while the pointer is there. */
function paintLight(context, board) {
  const { colours, light, layout } = board;
  context.save();
  context.strokeStyle = colours.accent;
  context.fillStyle = colours.accent;
  for (const cell of light.cells ?? []) {
    for (const [place, matrix, item] of spots(board, { matrix: cell.matrix, cells: [cell.index] })) {
      if (item.box) {
        paintAround(context, board, place);
        continue;
      }
      const window = board.windowOf(place.matrix);
      const seen = seenCells(item, window, matrix.shape);
      if (!seen) continue;
      const [wide, high] = cellSize(place, window);
      const [[row, column]] = seen.cells;
      context.lineWidth = 2;
      context.strokeRect(place.x + column * wide - 1.5, place.y + row * high - 1.5, wide + 2, high + 2);
      context.globalAlpha = 0.12;
      context.fillRect(place.x - 3, place.y + row * high - 1, window.columns * wide + 5, high + 1);
      context.globalAlpha = 1;
    }
  }
  const outputs = layout.matrices.filter((matrix) => (light.steps ?? []).includes(matrix.step));
  const names = new Set([...(light.matrices ?? []), ...outputs.map((matrix) => matrix.name)]);
  const lit = [...names].flatMap((name) => spots(board, { matrix: name }).map(([place]) => place));
  for (const step of light.steps ?? []) lit.push(board.standInOfStep.get(step));
  for (const place of new Set(lit)) if (place) paintAround(context, board, place);
  context.restore();
}

function paintSelection(context, board, { matrix: name, index }) {
  const { colours } = board;
  for (const [place, matrix, item] of spots(board, { matrix: name, cells: [index] })) {
    const window = board.windowOf(place.matrix);
    const seen = seenCells(item, window, matrix.shape);
    if (!seen) continue;
    const [wide, high] = cellSize(place, window);
    const [top, left, bottom, right] = seen.box ?? [...seen.cells[0], ...seen.cells[0]];
    if (seen.cells) paintLabels(context, board, place, matrix, window, top, left, wide, high);
    const [x, y] = [place.x + left * wide, place.y + top * high];
    const [w, h] = [(right - left + 1) * wide, (bottom - top + 1) * high];
    context.strokeStyle = colours.back;
    context.lineWidth = 1;
    context.strokeRect(x - 2.5, y - 2.5, w + 4, h + 4);
    context.strokeStyle = colours.select;
    context.lineWidth = 2;
    context.strokeRect(x - 1.5, y - 1.5, w + 2, h + 2);
  }
}

/** The name of a row or column: its own, if it has a short one, else its number. */
function shortLabel(matrix, axis, place) {
  const own = matrix.labels[axis]?.[place];
  return own !== undefined && own.length <= 7 ? own : String(place);
}

/** Rows and columns of the selected matrix by name, where there is room; the selected ones always. */
function paintLabels(context, board, place, matrix, window, row, column, wide, high) {
  const rank = matrix.shape.length;
  if (rank === 0) return;
  const { colours } = board;
  context.font = `9px ${SANS}`;
  const tag = (text, x, y, align, strong) => {
    const long = context.measureText(text).width;
    const left = Math.max(2, align === "right" ? x - long : x - long / 2);
    if (strong) {
      context.fillStyle = colours.back;
      context.globalAlpha = 0.88;
      context.fillRect(left - 2, y - 8.5, long + 4, 11);
      context.globalAlpha = 1;
    }
    context.fillStyle = strong ? colours.ink : colours.muted;
    context.fillText(text, left, y);
  };
  if (rank > 1) {
    for (let r = 0; r < window.rows; r += 1) {
      if (r === row) continue;
      const text = shortLabel(matrix, rank - 2, window.row + r);
      if (high >= 10 && context.measureText(text).width <= 10) {
        tag(text, place.x - 3, place.y + (r + 0.5) * high + 3, "right", false);
      }
    }
    tag(shortLabel(matrix, rank - 2, window.row + row), place.x - 4,
        place.y + (row + 0.5) * high + 3, "right", true);
  }
  const below = place.y + window.rows * high + (window.level ? 13 : 8.5);
  for (let c = 0; c < window.columns; c += 1) {
    const text = shortLabel(matrix, rank - 1, window.column + c);
    if (c !== column && (context.measureText(text).width > wide - 1 || window.level)) continue;
    tag(text, place.x + (c + 0.5) * wide, below, "center", c === column);
  }
}

/** Where the keyboard is. */
function paintCursor(context, board) {
  const { colours, layout, cursor } = board;
  const place = layout.places[cursor.place];
  if (!place) return;
  const window = board.windowOf(place.matrix);
  const [wide, high] = cellSize(place, window);
  const [row, column] = [cursor.row - window.row, cursor.column - window.column];
  if (row < 0 || column < 0 || row >= window.rows || column >= window.columns) return;
  context.save();
  context.strokeStyle = colours.accent;
  context.lineWidth = 1.5;
  context.strokeRect(place.x + column * wide - 3.5, place.y + row * high - 3.5, wide + 6, high + 6);
  context.restore();
}
