// The board's arithmetic: numbers, colours, cells. No page is needed, so node alone tests it.

const ROUND_OFF = 1e-12; // of the largest: what is smaller is what is left of numbers that cancel

/** A cell's number, plain: ".94", "−1.4", ".0046", "4e−6", with as many digits as fit. What
 *  round-off leaves of numbers as large as `scale` is "≈0". */
function cellText(value, scale, fits) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value), sign = value < 0 ? "−" : "";
  if (Number.isFinite(scale) && size < ROUND_OFF * scale) return "≈0";
  const whole = Math.max(0, Math.floor(Math.log10(size)) + 1); // digits before the point
  let text = "";
  for (const digits of [3, 2, 1]) {
    const plain = number(size, Math.max(digits, Math.min(whole, 6)));
    text = sign + (size < 1 && plain.startsWith("0") ? plain.slice(1) : plain);
    if (fits(text)) return text;
  }
  const power = sign + size.toExponential(0).replace("e+", "e").replace("-", "−");
  return power.length < text.length ? power : text; // squeezed, if need be
}

/** "#rrggbb" or "rgb(18, 88, 176)" as [18, 88, 176]. */
function rgb(text) {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(text);
  if (short) return short.slice(1).map((digit) => parseInt(digit + digit, 16));
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(text);
  if (hex) return hex.slice(1).map((digits) => parseInt(digits, 16));
  const found = text.match(/[\d.]+/g) ?? [128, 128, 128];
  return found.slice(0, 3).map(Number);
}

const STEPS = 128;

/** Colours from one to another: {css, rgb, dark}, each with STEPS + 1 entries. */
function ramp(from, to) {
  const [a, b] = [rgb(from), rgb(to)];
  const made = { css: [], rgb: [], dark: [] };
  for (let i = 0; i <= STEPS; i += 1) {
    const mixed = a.map((start, k) => Math.round(start + ((b[k] - start) * i) / STEPS));
    made.rgb.push(mixed);
    made.css.push(`rgb(${mixed.join(",")})`);
    made.dark.push(luminance(mixed) < LOOK.board.dark_below); // white text has the better contrast on it
  }
  return made;
}

function luminance(colour) {
  const [r, g, b] = colour.map((c) => {
    const share = c / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Which ramp and entry a finite value has: [ramp, entry]. `scale` is the value of full colour. */
function shade(ramps, unit, value, scale) {
  const name = unit ? ramps.unit : value < 0 ? ramps.low : ramps.high;
  const share = unit ? value : Math.abs(value) / (scale || 1);
  return [name, Math.max(0, Math.min(STEPS, Math.round(share * STEPS)))];
}

/** Rows and columns of what is drawn: the last two axes; a vector is one row. */
function flatShape(shape) {
  if (shape.length === 0) return [1, 1];
  return shape.length === 1 ? [1, shape[0]] : shape.slice(-2);
}

/** The window of a matrix that is drawn whole. */
function wholeWindow(shape) {
  const [rows, columns] = flatShape(shape);
  return { lead: shape.slice(0, -2).map(() => 0), row: 0, column: 0, rows, columns, level: 0 };
}

/** The cell's full index, from its row and column. */
function fullIndex(shape, lead, row, column) {
  if (shape.length === 0) return [];
  return shape.length === 1 ? [column] : [...lead, row, column];
}

/** [row, column] of a full index. */
function flatIndex(index) {
  return [0, 0, ...index].slice(-2);
}

/** Whether a full index lies in the slice that a window shows. */
function inSlice(window, index) {
  return window.lead.every((place, axis) => index[axis] === place);
}

/** Room above the cells of a place that is one of several slices: for which it is. */
function tileRoom(place) {
  return place.tile === null ? 0 : LOOK.board.tile;
}

/** Size of a place's cells in pixels. */
function cellSize(place, window) {
  return window.level ? [window.level, window.level] : place.cell;
}

/** The cell under a point: [row, column], or null. */
function cellAt(place, window, x, y) {
  const [wide, high] = cellSize(place, window);
  const column = Math.floor((x - place.x) / wide), row = Math.floor((y - place.y) / high);
  if (row < 0 || column < 0 || row >= window.rows || column >= window.columns) return null;
  return [window.row + row, window.column + column];
}

/** Where a key leads inside a matrix: [row, column]; null if the key does not move. */
function moved(key, [row, column], [rows, columns], whole = false) {
  const keep = (value, count) => Math.max(0, Math.min(count - 1, value));
  switch (key) {
    case "ArrowLeft": return [row, keep(column - 1, columns)];
    case "ArrowRight": return [row, keep(column + 1, columns)];
    case "ArrowUp": return [keep(row - 1, rows), column];
    case "ArrowDown": return [keep(row + 1, rows), column];
    case "Home": return whole ? [0, 0] : [row, 0];
    case "End": return whole ? [rows - 1, columns - 1] : [row, columns - 1];
    default: return null;
  }
}

/** A box or a list of cells, as far as a window shows them: rows and columns inside the window.
 *  A box gives {box: [top, left, bottom, right]}, a list {cells: [[row, column], ...]}. */
function seenCells(item, window, shape) {
  const rank = Math.max(0, shape.length - 2);
  if (item.box) {
    const inside = item.box.slice(0, rank).every(
      ([low, high], axis) => low <= window.lead[axis] && window.lead[axis] <= high);
    const [[top, bottom], [left, right]] = [[0, 0], [0, 0], ...item.box].slice(-2);
    const box = [
      Math.max(0, top - window.row), Math.max(0, left - window.column),
      Math.min(window.rows - 1, bottom - window.row),
      Math.min(window.columns - 1, right - window.column),
    ];
    return inside && box[0] <= box[2] && box[1] <= box[3] ? { box } : null;
  }
  const cells = item.cells
    .filter((index) => inSlice(window, index))
    .map((index) => flatIndex(index))
    .map(([row, column]) => [row - window.row, column - window.column])
    .filter(([r, c]) => r >= 0 && c >= 0 && r < window.rows && c < window.columns);
  return cells.length ? { cells } : null;
}

/** The outline around a set of cells: lines [x1, y1, x2, y2] in cells, long ones in one piece. */
function outline(seen) {
  if (seen.box) {
    const [top, left, bottom, right] = seen.box;
    return [
      [left, top, right + 1, top], [left, bottom + 1, right + 1, bottom + 1],
      [left, top, left, bottom + 1], [right + 1, top, right + 1, bottom + 1],
    ];
  }
  const has = new Set(seen.cells.map(([row, column]) => `${row},${column}`));
  const across = new Map(), down = new Map();
  const note = (edges, line, at) => edges.set(line, [...(edges.get(line) ?? []), at]);
  for (const [row, column] of seen.cells) {
    if (!has.has(`${row - 1},${column}`)) note(across, row, column);
    if (!has.has(`${row + 1},${column}`)) note(across, row + 1, column);
    if (!has.has(`${row},${column - 1}`)) note(down, column, row);
    if (!has.has(`${row},${column + 1}`)) note(down, column + 1, row);
  }
  const runs = (places) => {
    const found = [];
    for (const place of [...new Set(places)].sort((a, b) => a - b)) {
      const last = found.at(-1);
      if (last && last[1] === place) last[1] = place + 1;
      else found.push([place, place + 1]);
    }
    return found;
  };
  const lines = [];
  for (const [y, places] of across) for (const [a, b] of runs(places)) lines.push([a, y, b, y]);
  for (const [x, places] of down) for (const [a, b] of runs(places)) lines.push([x, a, x, b]);
  return lines;
}

/** A window zoomed to another cell size; the cell [row, column] stays where it is on screen. */
function zoomed(place, window, level, [row, column]) {
  const old = window.level;
  return {
    ...window, level,
    row: Math.round(row - ((row - window.row) * old) / level),
    column: Math.round(column - ((column - window.column) * old) / level),
  };
}

/** "rows 120–151 of 1,000". */
function rangeText(word, first, count, total) {
  const shown = (n) => n.toLocaleString("en-US");
  if (count === total) return `${shown(total)} ${word}${total === 1 ? "" : "s"}`;
  return `${word}s ${shown(first)}–${shown(first + count - 1)} of ${shown(total)}`;
}

/** A bent arrow from one box [x, y, width, height] to another: start, bend, end. */
function arrowBetween(from, to) {
  const middle = ([x, y, wide, high]) => [x + wide / 2, y + high / 2];
  const [fx, fy] = middle(from), [tx, ty] = middle(to);
  if (Math.abs(fy - ty) < (from[3] + to[3]) / 2) { // side by side: an arc over the gap
    const way = Math.sign(tx - fx) || 1;
    const [x1, x2] = [fx + (way * from[2]) / 2, tx - (way * to[2]) / 2];
    if (way * (x2 - x1) < 40) return [x1, fy, (x1 + x2) / 2, (fy + ty) / 2, x2, ty]; // neighbours
    const y1 = from[1], y2 = to[1];
    return [fx, y1, (fx + tx) / 2, Math.min(y1, y2) - 16, tx, y2];
  }
  const down = ty > fy;
  const [y1, y2] = down ? [from[1] + from[3], to[1]] : [from[1], to[1] + to[3]];
  return [fx, y1, fx + (tx - fx) * 0.15, (y1 + y2) / 2, tx, y2];
}
