// Painting the board. `board` is the state that board.js keeps; nothing here changes it.

/** Ramps, hatches and plain colours of the theme that `el` stands in. */
function palette(el, context) {
  const plain = themeColours(el);
  return {
    ...plain,
    ramps: {
      low: ramp(plain.zero, plain.low),
      high: ramp(plain.zero, plain.high),
      unit: ramp(plain["unit-0"], plain["unit-1"]),
    },
    nan: hatch(context, plain.panel, plain.bad, "both"),
    plus: hatch(context, plain.panel, plain.high, "up"),
    minus: hatch(context, plain.panel, plain.low, "down"),
  };
}

function hatch(context, back, ink, way) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 5;
  const draw = tile.getContext("2d");
  draw.fillStyle = back;
  draw.fillRect(0, 0, 5, 5);
  draw.strokeStyle = ink;
  draw.lineWidth = 1.1;
  draw.beginPath();
  for (const shift of [-5, 0, 5]) {
    if (way !== "down") { draw.moveTo(shift, 5); draw.lineTo(shift + 5, 0); }
    if (way !== "up") { draw.moveTo(shift, 0); draw.lineTo(shift + 5, 5); }
  }
  draw.stroke();
  return context.createPattern(tile, "repeat");
}

/** Paint what lies between the heights `top` and `bottom`; `context` is scaled to CSS pixels. */
function paintBoard(context, board, [top, bottom]) {
  const { layout, colours } = board;
  const near = (y, height) => y + height + 40 > top && y - 40 < bottom; // titles stand outside
  context.save();
  context.beginPath();
  context.rect(0, top, layout.width, bottom - top);
  context.clip();
  context.fillStyle = colours.back;
  context.fillRect(0, top, layout.width, bottom - top);
  context.textBaseline = "alphabetic";
  for (const band of layout.bands) if (near(band.y, 0)) paintHeader(context, board, band);
  for (const label of layout.labels) if (near(label.y, label.height)) paintLane(context, board, label);
  for (const place of layout.places) if (near(place.y, place.height)) paintPlace(context, board, place);
  for (const [x, from, to] of layout.rules) {
    context.fillStyle = colours.line;
    context.fillRect(x, from, 1, to - from);
  }
  paintMarks(context, board);
  context.restore();
}

function paintLane(context, { colours }, label) {
  const word = LOOK.lanes[label.lane];
  context.save();
  context.font = `10.5px ${SANS}`;
  context.fillStyle = colours.muted;
  const long = context.measureText(word).width;
  if (long < label.height + 4) {
    context.translate(label.x - 9, label.y + label.height / 2 + 9);
    context.rotate(Math.PI / 2);
    context.textAlign = "center";
    context.fillText(word, 0, 0);
  }
  context.restore();
}

function paintPlace(context, board, place) {
  const { layout, colours } = board;
  const matrix = layout.matrices[place.matrix];
  const window = board.windowOf(place.matrix);
  const ready = matrix.step < board.position;
  const [wide, high] = cellSize(place, window);
  paintTitle(context, colours, place, matrix);
  if (!ready) {
    paintEmpty(context, colours, place, window, wide, high);
  } else {
    paintCells(context, board, place, matrix, window, wide, high);
    if (wide >= LOOK.board.numbers_from && high >= 14) {
      paintNumbers(context, board, place, matrix, window, wide, high);
    }
  }
  if (window.level) paintScroll(context, colours, place, matrix, window, wide, high);
}

/** Not computed yet: an empty grid. */
function paintEmpty(context, colours, place, window, wide, high) {
  const { x, y } = place;
  const [right, bottom] = [x + window.columns * wide, y + window.rows * high];
  context.strokeStyle = colours.line;
  context.globalAlpha = wide >= 12 ? 0.9 : 0.55;
  context.lineWidth = 1;
  context.beginPath();
  const every = wide < 5 ? Math.ceil(6 / wide) : 1;
  for (let c = 0; c <= window.columns; c += c === window.columns ? 1 : Math.min(every, window.columns - c)) {
    const at = Math.round(x + c * wide) - 0.5;
    context.moveTo(at, y - 0.5);
    context.lineTo(at, bottom - 0.5);
  }
  for (let r = 0; r <= window.rows; r += r === window.rows ? 1 : Math.min(every, window.rows - r)) {
    const at = Math.round(y + r * high) - 0.5;
    context.moveTo(x - 0.5, at);
    context.lineTo(right - 0.5, at);
  }
  context.stroke();
  context.globalAlpha = 1;
}

function paintCells(context, board, place, matrix, window, wide, high) {
  const { colours, values } = board;
  const start = board.offsets[place.matrix];
  const scale = board.scaleOf(place);
  const gap = Math.min(wide, high) >= LOOK.board.gap_from ? 1 : 0;
  if (window.rows * window.columns > 1500) {
    paintBitmap(context, board, place, matrix, window, wide, high, scale);
  } else {
    for (let r = 0; r < window.rows; r += 1) {
      for (let c = 0; c < window.columns; c += 1) {
        const value = values[start + r * window.columns + c];
        if (!Number.isFinite(value)) continue;
        const [own, entry] = shade(colours.ramps, matrix.unit, value, scale);
        context.fillStyle = own.css[entry];
        context.fillRect(place.x + c * wide, place.y + r * high, wide - gap, high - gap);
      }
    }
  }
  if (!board.odd[place.matrix]) return;
  for (let r = 0; r < window.rows; r += 1) {
    for (let c = 0; c < window.columns; c += 1) {
      const value = values[start + r * window.columns + c];
      if (Number.isFinite(value)) continue;
      context.fillStyle = Number.isNaN(value) ? colours.nan : value > 0 ? colours.plus : colours.minus;
      context.fillRect(place.x + c * wide, place.y + r * high, wide - gap, high - gap);
    }
  }
}

/** Many cells: one pixel each, enlarged; then the gaps, if there is room for them. */
function paintBitmap(context, board, place, matrix, window, wide, high, scale) {
  const { colours, values } = board;
  const start = board.offsets[place.matrix];
  const sheet = board.sheet;
  sheet.width = window.columns;
  sheet.height = window.rows;
  const draw = sheet.getContext("2d");
  const image = draw.createImageData(window.columns, window.rows);
  for (let i = 0; i < window.rows * window.columns; i += 1) {
    const value = values[start + i];
    if (!Number.isFinite(value)) continue;
    const [own, entry] = shade(colours.ramps, matrix.unit, value, scale);
    const [red, green, blue] = own.rgb[entry];
    image.data.set([red, green, blue, 255], 4 * i);
  }
  draw.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(sheet, place.x, place.y, window.columns * wide, window.rows * high);
  if (Math.min(wide, high) < LOOK.board.gap_from) return;
  context.fillStyle = colours.back;
  for (let c = 1; c <= window.columns; c += 1) {
    context.fillRect(place.x + c * wide - 1, place.y, 1, window.rows * high);
  }
  for (let r = 1; r <= window.rows; r += 1) {
    context.fillRect(place.x, place.y + r * high - 1, window.columns * wide, 1);
  }
}

const widths = new Map(); // of texts in cells, which have one font; measuring takes longer than painting

function widthOf(context, text) {
  let width = widths.get(text);
  if (width === undefined) {
    if (widths.size > 20000) widths.clear();
    widths.set(text, (width = context.measureText(text).width));
  }
  return width;
}

function paintNumbers(context, board, place, matrix, window, wide, high) {
  const { colours, values } = board;
  const start = board.offsets[place.matrix];
  const scale = board.scaleOf(place);
  const size = LOOK.board.number_size;
  const fits = (text) => widthOf(context, text) <= wide - 2;
  context.font = `${size}px ${SANS}`;
  context.textAlign = "center";
  for (let r = 0; r < window.rows; r += 1) {
    for (let c = 0; c < window.columns; c += 1) {
      const value = values[start + r * window.columns + c];
      let dark = board.isDark;
      if (Number.isFinite(value)) {
        const [own, entry] = shade(colours.ramps, matrix.unit, value, scale);
        dark = own.dark[entry];
      }
      const [x, y] = [place.x + (c + 0.5) * wide - 0.5, place.y + (r + 0.5) * high + size * 0.35];
      const shown = cellText(value, scale, fits);
      if (!Number.isFinite(value)) { // over a hatch a number needs a quiet ground
        context.fillStyle = colours.panel;
        const room = widthOf(context, shown) + 3;
        context.fillRect(x - room / 2, y - size, room, size + 3);
      }
      context.fillStyle = dark ? LOOK.board.on_dark : LOOK.board.on_light;
      context.fillText(shown, x, y, wide - 1);
    }
  }
  context.textAlign = "left";
}

/** Below a window: which rows and columns it shows; at its edges: where in the matrix. */
function paintScroll(context, colours, place, matrix, window, wide, high) {
  const [rows, columns] = flatShape(matrix.shape);
  const [right, bottom] = [place.x + window.columns * wide, place.y + window.rows * high];
  const bar = (x, y, w, h, fill) => { context.fillStyle = fill; context.fillRect(x, y, w, h); };
  if (window.rows < rows) {
    const long = bottom - place.y;
    bar(right + 2, place.y, 2, long, colours.empty);
    bar(right + 2, place.y + (long * window.row) / rows, 2, Math.max(6, (long * window.rows) / rows), colours.muted);
  }
  if (window.columns < columns) {
    const long = right - place.x;
    bar(place.x, bottom + 2, long, 2, colours.empty);
    bar(place.x + (long * window.column) / columns, bottom + 2, Math.max(6, (long * window.columns) / columns), 2, colours.muted);
  }
  context.font = `9.5px ${SANS}`;
  context.fillStyle = colours.muted;
  const words = [
    rangeText("row", window.row, window.rows, rows),
    rangeText("column", window.column, window.columns, columns),
  ].join(" · ");
  context.fillText(words, place.x, bottom + 24);
}
