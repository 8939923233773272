// What the board knows: what Python sent, and what follows from it. No page is needed.

const SCALE_WORDS = { shared: "all together", layer: "each layer", matrix: "each matrix" };

/** What is known about the board, and what follows from it. */
function emptyState() {
  return {
    layout: null, values: new Float64Array(0), position: 0, windows: {},
    offsets: [], largest: [], odd: [], placesOf: new Map(), families: new Map(),
    standIn: new Map(), standInOfStep: new Map(),
    links: { from: [], to: [] }, selection: null, running: null, cursor: null, focused: false, light: {},
    colours: null, isDark: false, scale: "shared", sheet: document.createElement("canvas"),
    windowOf(number) {
      const matrix = this.layout.matrices[number];
      return this.windows[matrix.key] ?? matrix.whole;
    },
    /** The value of full colour; infinite for what has none: a constant, or dC/dC. */
    scaleOf(place) {
      if (this.layout.matrices[place.matrix].unit) return 1;
      if (!place.role) return Infinity;
      return this.scale === "matrix" ? this.largest[place.matrix] : this.families.get(this.family(place));
    },
    /** Matrices that share a scale: each role has its own, since gradients are far smaller. */
    family(place) {
      return this.scale === "layer" ? `${this.homeOf.get(place.matrix)} ${place.role}` : place.role;
    },
    at(number, row, column) {
      const window = this.windowOf(number);
      const [r, c] = [row - window.row, column - window.column];
      if (r < 0 || c < 0 || r >= window.rows || c >= window.columns) return undefined;
      return this.values[this.offsets[number] + r * window.columns + c];
    },
    ready(number) { return this.layout.matrices[number].step < this.position; },
  };
}

function takeLayout(board, layout) {
  board.layout = layout;
  board.placesOf = new Map();
  board.homeOf = new Map();
  board.standIn = new Map(); // of a folded matrix: the place that stands for it
  board.standInOfStep = new Map();
  for (const matrix of layout.matrices) matrix.whole = wholeWindow(matrix.shape);
  layout.places.forEach((place, number) => {
    place.number = number;
    const { name } = layout.matrices[place.matrix];
    board.placesOf.set(name, [...(board.placesOf.get(name) ?? []), place]);
    if (!board.homeOf.has(place.matrix)) board.homeOf.set(place.matrix, place.band);
  });
  for (const [name, step, at] of layout.hidden) {
    board.standIn.set(name, layout.places[at]);
    if (step >= 0) board.standInOfStep.set(step, layout.places[at]);
  }
}

/** Where cells are shown: [place, matrix, item] each; of a folded matrix all that stands for it. */
function spots(board, item) {
  const { matrices } = board.layout;
  const places = board.placesOf.get(item.matrix);
  if (places) return places.map((place) => [place, matrices[place.matrix], item]);
  const place = board.standIn.get(item.matrix);
  if (!place) return [];
  const matrix = matrices[place.matrix];
  return [[place, matrix, { box: matrix.shape.map((count) => [0, count - 1]) }]];
}

/** The number of a cell's matrix: of its slice that is shown, if one is; -1 if it is not there. */
function numberOf(board, cell) {
  const places = board.placesOf.get(cell.matrix) ?? [];
  const shows = places.find((place) => inSlice(board.windowOf(place.matrix), cell.index));
  return (shows ?? places[0])?.matrix ?? -1;
}

/** Where the last step's result stands, and what it is made of, each where it is nearest. */
function runningPlaces(board) {
  const { running } = board;
  const shown = running && board.placesOf.get(running.matrix)?.[0];
  if (!shown) return [null, []];
  const far = (place) => Math.abs(place.x - shown.x) + 3 * Math.abs(place.y - shown.y);
  const sources = running.from.map((name) => {
    const places = board.placesOf.get(name) ?? [board.standIn.get(name)].filter(Boolean);
    return [...places].sort((a, b) => far(a) - far(b))[0];
  });
  return [shown, [...new Set(sources.filter(Boolean))]];
}

/** The folded place inside which the next step goes on; undefined at rest or where all is shown. */
function underWay(board) {
  const { position, layout } = board;
  return position < layout.steps ? board.standInOfStep.get(position - 1) : undefined;
}

function takeFrame(board, message, buffers) {
  const view = buffers[0];
  // The bytes may begin anywhere in the message; a Float64Array needs a multiple of 8.
  const bytes = view.buffer ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array(view);
  board.values = new Float64Array(bytes.slice().buffer);
  board.position = message.position;
  board.running = message.running;
  board.largest = message.largest; // since the start, or since somebody asked for new scales
  board.windows = Object.fromEntries(Object.entries(message.windows).map(
    ([name, [lead, row, column, rows, columns, level]]) => [name, { lead, row, column, rows, columns, level }]));
  let start = 0;
  board.layout.matrices.forEach((matrix, number) => {
    const window = board.windowOf(number);
    board.offsets[number] = start;
    let odd = false;
    for (const end = start + window.rows * window.columns; start < end; start += 1) {
      if (!Number.isFinite(board.values[start])) odd = true;
    }
    board.odd[number] = odd && board.ready(number);
  });
  shareScales(board);
}

function shareScales(board) {
  board.families = new Map();
  for (const place of board.layout.places) {
    if (board.layout.matrices[place.matrix].unit || !place.role) continue;
    const family = board.family(place);
    board.families.set(family, Math.max(board.families.get(family) ?? 0, board.largest[place.matrix]));
  }
}

function isCell(cell, matrix, index) {
  return cell?.matrix === matrix && cell.index.every((place, axis) => place === index[axis]);
}

/** "layer 2 · ∂C/∂w [2, 1] = −0.00094", and its row and column by name. */
function cellWords(board, shown, index) {
  const matrix = board.layout.matrices[shown];
  const [row, column] = flatIndex(index);
  let value = inSlice(board.windowOf(shown), index) ? board.at(shown, row, column) : undefined;
  // The selected cell's value is the last of a frame, so that it is known outside the window.
  if (value === undefined && isCell(board.selection, matrix.name, index)) value = board.values.at(-1);
  const where = index.map((place, axis) => {
    const own = matrix.labels[axis]?.[place];
    const word = matrix.axes[axis];
    if (own === undefined) return word ? `${word} ${place}` : null;
    return word ? `${word} ${place} (${own})` : own;
  }).filter(Boolean).join(", ");
  return {
    name: matrix.pretty + (index.length ? ` [${index.join(", ")}]` : ""),
    value: !board.ready(shown) ? "not computed yet" : value === undefined ? "outside the window" : number(value, 6),
    where,
  };
}

/** The legend: what the colours mean now. `focus` is the place that the pointer or selection is at. */
function legendKeys(board, focus) {
  const { layout } = board;
  const shown = layout.places.filter((place) => board.ready(place.matrix));
  const keys = [];
  const scale = (size, role, words) => keys.push(!size ? [role === "cost" ? "high" : "both", "", "", words] :
    role === "cost" ? ["high", "0", number(size, 2), words] : ["both", `−${number(size, 2)}`, number(size, 2), words]);
  const signed = focus?.role && !layout.matrices[focus.matrix].unit;
  if (board.scale === "shared") {
    for (const [role, size] of board.families) scale(size, role, role);
  } else if (signed && board.scale === "matrix") {
    scale(board.largest[focus.matrix], focus.role, layout.matrices[focus.matrix].pretty);
  } else if (signed) {
    const home = layout.bands[board.homeOf.get(focus.matrix)];
    scale(board.families.get(board.family(focus)), focus.role, `${focus.role} of ${home.title.toLowerCase()}`);
  } else {
    keys.push(["both", "negative", "positive", `${SCALE_WORDS[board.scale]} by its largest`]);
  }
  if (layout.places.some((place) => layout.matrices[place.matrix].unit)) keys.push(["unit", "0", "1", "in 0…1"]);
  const odd = (test) => shown.some((place) => board.odd[place.matrix] && someOdd(board, place.matrix, test));
  if (odd(Number.isNaN)) keys.push(["hatch", "", "", "not a number"]);
  if (odd((value) => !Number.isNaN(value))) keys.push(["hatch fl-infinite", "", "", "infinite"]);
  keys.push(["line fl-step", "", "", "this step"], ["line", "", "", "made of"], ["line fl-to", "", "", "goes to"]);
  return keys;
}

function someOdd(board, number, test) {
  const window = board.windowOf(number), start = board.offsets[number];
  for (let i = 0; i < window.rows * window.columns; i += 1) {
    const value = board.values[start + i];
    if (!Number.isFinite(value) && test(value)) return true;
  }
  return false;
}

function legendElement([kind, low, high, words]) {
  const bar = ["both", "high", "unit"].includes(kind);
  return element("span", { class: "fl-board-key" },
    low && element("span", { class: "fl-exact" }, low),
    element("span", { class: bar ? `fl-bar fl-${kind}` : `fl-${kind}` }),
    high && element("span", { class: "fl-exact" }, high),
    element("span", {}, words));
}
