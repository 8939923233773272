// The buttons in the title row of a place: an index stepper per leading axis, zoom.

/** Keeps the buttons on the stage: show() after each layout, update() after each frame. */
function toolButtons(stage, board, windows) {
  let tools = [];

  function show() {
    for (const tool of tools) tool.row.remove();
    tools = board.layout.places.filter((place) => place.tools && !place.tile).map((place) => {
      const matrix = board.layout.matrices[place.matrix];
      const press = (label, words, act, way = "") => element("button", {
        type: "button", class: way, "aria-label": `${words}, ${matrix.pretty}`, title: words, onclick: act,
        "data-lm-suppress-shortcuts": "true",
      }, label);
      const texts = [];
      const words = place.stepped.map((axis) => matrix.axes[axis] ?? "");
      const named = words.join("").length * 6 + 76 * words.length <= place.room;
      const steppers = place.stepped.flatMap((axis) => {
        const count = matrix.shape[axis];
        const word = matrix.axes[axis] ?? `axis ${axis}`;
        const turn = (by) => () => {
          const window = windows.now(place);
          const lead = window.lead.map((at, k) => (k === axis ? (at + by + count) % count : at));
          windows.ask(place, { ...window, lead });
        };
        const text = element("span");
        texts.push([axis, named && matrix.axes[axis] ? `${word} ` : "", text]);
        return [press("", `${word} back`, turn(-1), "fl-turn fl-back"), text,
          press("", `${word} on`, turn(1), "fl-turn")];
      });
      const zooms = place.window
        ? [press("−", "zoom out", () => windows.zoom(place, -1)), press("+", "zoom in", () => windows.zoom(place, 1))] : [];
      const row = element("div", { class: "fl-board-tools", style: `left:${place.x}px;top:${place.y + 1 - LOOK.board.controls - tileRoom(place)}px` },
        ...steppers, ...zooms);
      stage.append(row);
      return { row, place, texts, zooms, matrix };
    });
  }

  /** What they say, for the windows that are shown now. */
  function update() {
    const { levels } = board.layout;
    for (const { place, texts, zooms, matrix } of tools) {
      const window = board.windowOf(place.matrix);
      for (const [axis, before, text] of texts) {
        const own = matrix.labels[axis]?.[window.lead[axis]];
        text.textContent = before + (own ?? `${window.lead[axis]}/${matrix.shape[axis]}`);
        text.title = `${matrix.axes[axis] ?? `axis ${axis}`} ${window.lead[axis]} of 0 to ${matrix.shape[axis] - 1}`;
      }
      if (zooms.length) {
        // Not disabled: a button that is would drop the keyboard's focus.
        zooms[0].setAttribute("aria-disabled", String(window.level === levels[0]));
        zooms[1].setAttribute("aria-disabled", String(window.level === levels.at(-1)));
      }
    }
  }

  return { show, update };
}
