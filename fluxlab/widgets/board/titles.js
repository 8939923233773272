// Headers of bands and titles of matrices. What has no room is cut with …; its whole stands on the
// stage, for the pointer and for a screen reader.

const { serif: SERIF, sans: SANS } = LOOK.fonts;
const CHEVRON = 15; // room for it before a title
const SMALL = `9px ${SANS}`;

/** Where the parts of a band's header stand, and as much of its detail as there is room for. */
function headerOf(context, band) {
  context.font = `600 12.5px ${SANS}`;
  const x = band.x + (band.foldable ? CHEVRON : 0);
  const after = x + context.measureText(band.title).width + 8;
  context.font = `12.5px ${SANS}`;
  const [detail, width] = fitted(context, band.detail, band.x + band.width - after);
  return { x, after, y: Math.round(band.y) + LOOK.board.header_baseline, detail, width };
}

/** Where the name of a matrix stands, and as much of it as there is room for. */
function titleOf(context, place) {
  const controls = place.tools ? LOOK.board.controls : 0;
  context.font = place.literal ? `11px ${SANS}` : `italic 13px ${SERIF}`;
  const [name, width] = fitted(context, place.title, place.room + LOOK.board.title_overhang);
  return { y: place.y - LOOK.board.title_above - controls - tileRoom(place), name, width };
}

/** Which of several slices a place shows: by name, or by number where that has no room. */
function tileOf(context, place, matrix) {
  context.font = SMALL;
  const own = matrix.labels[matrix.shape.length - 3]?.[place.tile];
  const whole = own ?? `${matrix.axes.at(-3) ?? "slice"} ${place.tile}`;
  const fits = context.measureText(whole).width <= place.width + 8;
  const name = fits ? whole : String(place.tile);
  return { y: place.y - 4, whole, name, width: context.measureText(name).width };
}

/** A title that folds a band is a button over the canvas (folds.js). */
function paintHeader(context, { layout, colours }, band) {
  if (!band.inner) {
    context.fillStyle = colours.line;
    context.fillRect(band.x, Math.round(band.y), layout.width - band.x, 1);
  }
  const { x, after, y, detail } = headerOf(context, band);
  context.fillStyle = colours.muted;
  context.fillText(detail, after, y);
  if (band.foldable) return;
  context.font = `600 12.5px ${SANS}`;
  context.fillStyle = colours.ink;
  context.fillText(band.title, x, y);
}

function paintTitle(context, colours, place, matrix) {
  if (place.tile !== null) {
    const { y, name } = tileOf(context, place, matrix);
    context.fillStyle = colours.muted;
    context.fillText(name, place.x, y);
    if (place.tile > 0) return;
  }
  const { literal } = place;
  const small = literal ? "" : matrix.shape.join("×");
  const { y, name, width } = titleOf(context, place);
  context.fillStyle = literal ? colours.muted : colours.ink;
  context.fillText(name, place.x, y);
  context.font = SMALL;
  const taken = context.measureText(small).width;
  if (width + taken + 4 > place.room + LOOK.board.shape_overhang) return; // its shape is told on hover
  context.fillStyle = colours.muted;
  context.fillText(small, place.x + width + 4, y);
}

/** All that is cut: its words, and where it stands. `y` is the line that it stands on. */
function cutTitles(context, layout) {
  const found = [];
  const note = (whole, shown, x, y, width) => {
    if (shown !== whole) found.push({ words: whole, x, y, width });
  };
  for (const band of layout.bands) {
    const { after, y, detail, width } = headerOf(context, band);
    note(band.detail, detail, after, y, width);
  }
  for (const place of layout.places) {
    if (place.tile !== null) {
      const { y, whole, name, width } = tileOf(context, place, layout.matrices[place.matrix]);
      note(whole, name, place.x, y, width);
      if (place.tile > 0) continue;
    }
    const { y, name, width } = titleOf(context, place);
    note(place.title, name, place.x, y, width);
  }
  return found;
}

/** Keeps what is cut on the stage: show(layout) after each layout. */
function wholeTitles(stage, context) {
  let shown = [];
  return {
    show(layout) {
      for (const title of shown) title.remove();
      shown = cutTitles(context, layout).map(({ words, x, y, width }) => element("span", {
        class: "fl-cut", role: "img", "aria-label": words, title: words,
        style: `left:${x}px;top:${y - 13}px;width:${width}px`,
      }));
      stage.append(...shown);
    },
  };
}
