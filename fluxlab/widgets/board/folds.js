// The buttons that fold a band to one matrix, or open what a matrix stands for.

/** Keeps the buttons on the stage: show(folds) after each layout. `press` gets a fold. */
function foldButtons(stage, press) {
  const buttons = new Map(); // kept from layout to layout, so that the keyboard stays where it is
  return {
    show(folds) {
      const focused = document.activeElement;
      const keys = foldKeys(folds);
      for (const [key, button] of buttons) {
        if (keys.includes(key)) continue;
        button.remove();
        buttons.delete(key);
      }
      for (const [number, fold] of folds.entries()) {
        if (!buttons.has(keys[number])) buttons.set(keys[number], foldButton());
        const button = buttons.get(keys[number]);
        button.onclick = () => press(fold);
        button.className = `fl-fold fl-fold-${fold.where}`;
        button.style.left = `${fold.x}px`;
        button.style.top = `${fold.y + (fold.where === "band" ? 4 : 0)}px`;
        button.textContent = fold.words;
        button.setAttribute("aria-expanded", String(fold.open));
        button.setAttribute("aria-label", foldLabel(fold));
        button.title = foldTitle(fold);
        stage.append(button); // in reading order, which is the order of the Tab key
      }
      if (focused !== document.activeElement && [...buttons.values()].includes(focused)) {
        focused.focus({ preventScroll: true });
        focused.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
    },
  };
}

function foldButton() {
  return element("button", { type: "button", "data-lm-suppress-shortcuts": "true" });
}

/** The name of each fold; a sum may stand in two bands, so its second button has a number. */
function foldKeys(folds) {
  const count = new Map();
  return folds.map(({ name }) => {
    count.set(name, (count.get(name) ?? 0) + 1);
    return count.get(name) > 1 ? `${name} (${count.get(name)})` : name;
  });
}

/** What a screen reader says: the visible words, and where they are. */
function foldLabel({ words, name }) {
  return words.toLowerCase() === name.toLowerCase() ? words : `${words}, ${name}`;
}

function foldTitle({ name, open, where }) {
  if (where === "sum") return `show each use's share of ${name}`;
  return open ? `fold ${name}` : `open ${name}`;
}
